#pragma once

/// The page's script: values at a pointer or at a key press, lines that a click on their name
/// hides, and the next load of a page that is still written. The page shows everything without it.
/// What it writes is text, never HTML.
namespace longspan::report {

inline constexpr char kScript[] = R"js(
(() => {
'use strict';
const kept = history.state || {off: {}, open: []};

const element = (name, attributes) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key of Object.keys(attributes)) made.setAttribute(key, attributes[key]);
  return made;
};

// As the tables write a perplexity; of two numbers equally near it takes the higher.
const number = value => {
  if (Math.abs(value) >= 1e7) return value.toExponential(2).replace(/e([+-])(\d)$/, 'e$10$2');
  const [whole, rest] = value.toFixed(value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0).split('.');
  return whole.replace(/\B(?=(\d{3})+$)/g, '\u202f') + (rest ? '.' + rest : '');
};

const setUp = figure => {
  const data = JSON.parse(figure.querySelector('script').textContent);
  const drawing = figure.querySelector('.drawing');
  const off = new Set(kept.off[data.name] || []);  // labels, which stay when lines are added
  const legend = figure.querySelector('.lines');
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  tip.setAttribute('role', 'status');
  drawing.append(tip);

  const nameOf = new Map();
  for (const series of data.series)
    if (!nameOf.has(series.line)) nameOf.set(series.line, series.label);
  const isOn = series => !off.has(nameOf.get(series.line));
  const fraction = ([low, high, logarithmic], value) => logarithmic
    ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);

  let cursor = null, at = null;  // marks in the shown drawing, and the x they stand at
  const hide = () => {
    if (cursor) cursor.remove();
    cursor = at = null;
    tip.hidden = true;
  };

  const row = (series, point) => {
    const line = document.createElement('div');
    const mark = legend.querySelector(`[data-line="${series.line}"] svg`).cloneNode(true);
    const name = document.createElement('span'), value = document.createElement('b');
    const twins = data.series.filter(other => other.line === series.line).length > 1;
    name.textContent = twins ? series.label + ', ' + series.runs.join(', ') : series.label;
    value.textContent = number(point[1]);
    line.append(mark, name, value);
    const more = [];
    if (point.length > 4) more.push('95 %: ' + number(point[4]) + '\u2013' + number(point[5]));
    if (point.length > 2 && point[2] !== null)
      more.push('seeds: ' + number(point[2]) + '\u2013' + number(point[3]));
    if (more.length) {
      const small = document.createElement('small');
      small.textContent = more.join(', ');
      line.append(small);
    }
    return line;
  };

  const hasValue = point => point[1] !== null;
  const xs = () => [...new Set(data.series.filter(isOn).flatMap(
    series => series.points.filter(hasValue).map(point => point[0])))].sort((a, b) => a - b);

  // Shows the values at an x: of each line its nearest point, if that is nearly there.
  const show = (svg, x) => {
    const [left, top, right, bottom] = svg.dataset.frame.split(' ').map(Number);
    const across = value => left + (right - left) * fraction(data.x, value);
    hide();
    at = x;
    cursor = element('g', {class: 'cursor'});
    const place = across(x);
    cursor.append(element('path', {d: `M${place} ${top} V${bottom}`, stroke: '#8a929c'}));
    const found = [];
    for (const series of data.series.filter(isOn)) {
      const distance = point => Math.abs(across(point[0]) - place);
      const near = series.points.filter(hasValue).reduce(
        (best, point) => best && distance(best) <= distance(point) ? best : point, null);
      if (near && distance(near) <= (right - left) / 100) found.push([series, near]);
    }
    found.sort((a, b) => b[1][1] - a[1][1]);
    const head = document.createElement('p');
    head.textContent = data.x_name + ' ' + x;
    tip.replaceChildren(head, ...found.map(([series, point]) => row(series, point)));
    for (const [series, point] of found) {
      const height = fraction(data.y, point[1]);
      if (height >= 0 && height <= 1)
        cursor.append(element('circle', {cx: across(point[0]), cy: bottom - (bottom - top) * height,
                                         r: 5, fill: 'none', 'stroke-width': 2, stroke: series.colour}));
    }
    svg.append(cursor);
    tip.hidden = false;
    const box = svg.getBoundingClientRect(), outer = drawing.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const spot = box.left - outer.left + place * scale;
    const fits = spot + 14 + tip.offsetWidth <= outer.width;
    const left0 = fits ? spot + 14 : spot - 14 - tip.offsetWidth;
    tip.style.left = Math.max(0, Math.min(left0, outer.width - tip.offsetWidth)) + 'px';
    tip.style.top = top * scale + 4 + 'px';
  };

  for (const svg of drawing.querySelectorAll('.plot')) {
    const atPointer = event => {
      const box = svg.getBoundingClientRect();
      const [left, , right] = svg.dataset.frame.split(' ').map(Number);
      const spot = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const distance = x => Math.abs(left + (right - left) * fraction(data.x, x) - spot);
      const best = xs().reduce((a, b) => a !== null && distance(a) <= distance(b) ? a : b, null);
      if (best === null || spot < left - 10 || spot > right + 10) return hide();
      if (best !== at) show(svg, best);
    };
    svg.addEventListener('pointermove', atPointer);
    svg.addEventListener('pointerdown', atPointer);
    svg.addEventListener('pointerleave', event => { if (event.pointerType === 'mouse') hide(); });
    svg.setAttribute('tabindex', '0');
    svg.addEventListener('blur', hide);
    svg.addEventListener('keydown', event => {
      const all = xs(), index = all.indexOf(at);
      const next = {ArrowLeft: index < 0 ? all.length - 1 : Math.max(0, index - 1),
                    ArrowRight: Math.min(all.length - 1, index + 1),
                    Home: 0, End: all.length - 1}[event.key];
      if (event.key === 'Escape') hide();
      if (next === undefined || all.length === 0) return;
      event.preventDefault();
      show(svg, all[next]);
    });
  }
  document.addEventListener('pointerdown', event => {
    if (!drawing.contains(event.target)) hide();
  });

  for (const item of legend.children) {
    const button = document.createElement('button');
    button.type = 'button';
    button.title = 'show or hide';
    button.append(...item.childNodes);
    item.append(button);
    const line = Number(item.dataset.line), name = nameOf.get(line);
    const draw = () => {
      button.setAttribute('aria-pressed', String(!off.has(name)));
      for (const part of drawing.querySelectorAll(`.plot [data-line="${line}"]`))
        part.classList.toggle('off', off.has(name));
    };
    button.addEventListener('click', () => {
      if (!off.delete(name)) off.add(name);
      hide();
      draw();
    });
    draw();
  }
  return [data.name, off];
};

const figures = [...document.querySelectorAll('figure')].map(setUp);
const folds = [...document.querySelectorAll('details')];
const nameOf = fold => fold.querySelector('summary').textContent;
for (const fold of folds) if (kept.open.includes(nameOf(fold))) fold.open = true;

const seconds = Number(document.documentElement.dataset.reload || 0);
const loadAnew = () => {
  if (document.querySelector('.tip:not([hidden])')) return setTimeout(loadAnew, 1000);
  const off = {};
  for (const [name, lines] of figures) off[name] = [...lines];
  history.replaceState({off, open: folds.filter(fold => fold.open).map(nameOf)}, '');
  location.reload();
};
if (seconds > 0) setTimeout(loadAnew, 1000 * seconds);
})();
)js";

}  // namespace longspan::report
