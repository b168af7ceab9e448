#pragma once

/// The page's style sheet. The colours in square brackets are those of layout.h and look.cpp.
namespace longspan::report {

inline constexpr char kStyleSheet[] = R"css(
:root { color-scheme: light dark; --ground: #fff; --text: #1f2328; --quiet: #5b6570; --line: #d9dee4;
  --soft: #f5f7f9; --mark: #e8f1fa; --warn: #8a4b00; --warn-ground: #fff6e5; --warn-line: #f0cf94;
  --plot-text: #333a44; --plot-axis: #8a929c; --plot-grid: #e3e6ea; --blue: #0072b2; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #14181d; --text: #e4e7eb; --quiet: #9aa4af; --line: #313841; --soft: #1c2229;
    --mark: #1b2f43; --warn: #f2c177; --warn-ground: #2c2417; --warn-line: #5d4a26;
    --plot-text: #c9d0d8; --plot-axis: #77808b; --plot-grid: #2a3139; --blue: #3b9ddd; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 1000px; padding: 2.5rem 1.5rem 4rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; margin: .2rem 0 .4rem; text-wrap: balance; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
.kicker { color: var(--quiet); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; margin: 0; }
.facts, .legend, figcaption, footer { color: var(--quiet); }
.legend, figcaption, footer { font-size: .875rem; }
.finding { font-size: 1.1rem; margin: 1.2rem 0; }
.note { border: 1px solid var(--warn-line); background: var(--warn-ground); color: var(--warn); border-radius: 6px;
  padding: .6rem .9rem; margin: 1rem 0; font-size: .925rem; }
.note p { margin: 0; } .note ul { margin: .2rem 0 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody th { font-weight: 600; position: sticky; left: 0; background: var(--ground); }
tbody tr:last-child > * { border-bottom-color: transparent; }
th:first-child, td:first-child { padding-left: 0; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
.runs { width: 100%; font-size: .85rem; } .runs th, .runs td { padding: .4rem .5rem; } .runs tbody th { white-space: nowrap; }
.runs th:first-child { padding-left: 0; }
.results { width: 100%; font-size: 1rem; }
.results tbody th { white-space: nowrap; font-weight: 500; }
.results small, th small { display: block; color: var(--quiet); font-size: .775rem; font-weight: 400; }
.results .trained { background: var(--mark); }
.results .lowest b { font-weight: 700; }
.results b { font-weight: 400; }
.reach th, .reach td { padding: .3rem .5rem; min-width: 4.2rem; } .reach b { font-weight: 400; }
.reach i { display: block; height: .25rem; min-width: 1px; margin: .1rem 0 .1rem auto; background: var(--blue); }
.reach small { display: block; color: var(--quiet); font-size: .775rem; }
.facts-table th { white-space: nowrap; font-weight: 500; color: var(--quiet); }
.facts-table td, code, pre { overflow-wrap: anywhere; }
.cells { font-size: .78rem; } .cells th, .cells td { white-space: nowrap; padding: .25rem .5rem; }
.cells thead th { white-space: normal; } .cells th:first-child { padding-left: 0; }
.swatch { width: 2.2rem; height: .8rem; margin-right: .5rem; vertical-align: -.05rem; }
figure { margin: 1rem 0 1.6rem; }
.drawing { position: relative; }
.plot { display: block; width: 100%; height: auto; touch-action: pan-y pinch-zoom; }
.plot:focus { outline: none; } .plot:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
.narrow { display: none; max-width: 34rem; }
.off { display: none; }
.lines { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: .3rem 0; padding: 0; font-size: .875rem; }
.lines li { overflow-wrap: anywhere; }
.lines button { font: inherit; color: inherit; background: none; border: 0; border-radius: 4px; padding: .35rem .25rem;
  cursor: pointer; text-align: left; }
.lines button:hover { background: var(--soft); }
.lines [aria-pressed="false"] { opacity: .45; text-decoration: line-through; }
.tip { position: absolute; z-index: 1; pointer-events: none; width: max-content; max-width: min(24rem, 100%);
  padding: .4rem .6rem; border: 1px solid var(--line); border-radius: 6px; background: var(--ground);
  box-shadow: 0 2px 8px rgba(0, 0, 0, .18); font-size: .8rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.tip p { margin: 0 0 .15rem; color: var(--quiet); }
.tip span { overflow-wrap: anywhere; margin-right: .6rem; }
.tip small { display: block; padding-left: 2.7rem; color: var(--quiet); }
.plot [font-family] { font-family: inherit; }
.plot rect[fill="#ffffff"] { fill: none; }
.plot [fill="#333a44"] { fill: var(--plot-text); } .plot [fill="#b54708"] { fill: var(--warn); }
.plot [stroke="#8a929c"] { stroke: var(--plot-axis); } .plot [stroke="#e3e6ea"] { stroke: var(--plot-grid); }
.plot [stroke="#0072b2"], .swatch [stroke="#0072b2"] { stroke: var(--blue); }
.plot [fill="#0072b2"], .swatch [fill="#0072b2"] { fill: var(--blue); }
.plot [color="#0072b2"] { color: var(--blue); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 0 1.5rem; }
.pair > *, .drawing { min-width: 0; }
details { border-bottom: 1px solid var(--line); padding: .45rem 0; }
summary { cursor: pointer; }
summary span { color: var(--quiet); }
pre { background: var(--soft); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; white-space: pre-wrap;
  font: .8rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .9em; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@media screen and (max-width: 44rem) { .wide { display: none; } .narrow { display: block; } }
@media (max-width: 36rem) { body { padding: 1.2rem 1rem 3rem; } h1 { font-size: 1.5rem; } th, td { padding: .35rem .5rem; } }
@media print {
  @page { margin: 14mm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { margin-top: 1.6rem; } h2, h3, summary { break-after: avoid; }
  figure, tr, .note { break-inside: avoid; }
  .scroll { overflow: visible; }
  section > figure .plot { width: 90%; }
  .tip, .cursor { display: none; }
  .pair { grid-template-columns: 1fr 1fr; }
  tbody th { position: static; }
  .protocol { font-size: 8pt; } .protocol th, .protocol td { padding: .3rem .3rem; white-space: nowrap; }
  .runs th, .runs td { padding: .3rem .2rem; }
  .reach { font-size: 7.5pt; } .reach th, .reach td { padding: .15rem .2rem; min-width: 0; }
  .reach small { font-size: 6.5pt; }
  pre { columns: 3; column-gap: 1rem; font-size: 6.5pt; }
  .cells { font-size: 6.5pt; } .cells th, .cells td { white-space: normal; padding: .15rem .3rem; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  details::details-content { content-visibility: visible; }
}
)css";

}  // namespace longspan::report
