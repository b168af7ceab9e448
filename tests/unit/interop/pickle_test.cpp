// Pickles: what is read, and that whatever else a file may hold ends in one clear error.

#include "interop/pickle.h"

#include <chrono>

#include "longspan/core/error.h"
#include "support/torch_catch.h"
#include "unit/interop/pickle_writer.h"

namespace longspan::interop {
namespace {

using Catch::Matchers::ContainsSubstring;
using namespace longspan::testing;

Pickle read(const std::string& bytes) { return Pickle::read(bytes, "file.pt"); }

std::string refusal(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    CHECK_THAT(error.what(), Catch::Matchers::StartsWith("file.pt: byte "));
    return error.what();
  }
  return "nothing was refused";
}

// Prints a value, to compare it in one go.
std::string shown(const Pickle& pickle, PickleId id) {
  const PickleNode& node = pickle.node(id);
  std::string inner;
  for (const PickleId item : node.items) inner += (inner.empty() ? "" : " ") + shown(pickle, item);
  switch (node.kind) {
    case PickleKind::List:
      return "[" + inner + "]";
    case PickleKind::Tuple:
      return "(" + inner + ")";
    case PickleKind::Dict:
      return "{" + inner + "}";
    case PickleKind::Set:
      return "<" + inner + ">";
    case PickleKind::Object:
      return node.text + "[" + inner + "]";
    case PickleKind::Persistent:
      return "@" + inner;
    case PickleKind::Bytes:
      return "b'" + node.text + "'";
    default:
      return Pickle::describe(node);
  }
}

std::string value(const std::string& bytes) {
  const Pickle pickle = read(bytes);
  return shown(pickle, pickle.root());
}

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int byte : values) bytes += static_cast<char>(byte);
  return bytes;
}

TEST_CASE("pickle: plain values") {
  CHECK(value(pickle("N")) == "None");
  CHECK(value(pickle("\x88")) == "True");
  CHECK(value(pickle("\x89")) == "False");
  CHECK(value(pickle(bytes_of({'K', 0xff}))) == "255");
  CHECK(value(pickle(bytes_of({'M', 0x01, 0xff}))) == "65281");
  CHECK(value(pickle(bytes_of({'J', 0xfe, 0xff, 0xff, 0xff}))) == "-2");
  CHECK(value(pickle(bytes_of({0x8a, 0}))) == "0");
  CHECK(value(pickle(bytes_of({0x8a, 1, 0x80}))) == "-128");
  CHECK(value(pickle(bytes_of({0x8a, 2, 0x00, 0x80}))) == "-32768");
  CHECK(value(pickle(bytes_of({0x8b, 5, 0, 0, 0, 0, 0, 0, 0, 1}))) == "4294967296");
  CHECK(value(pickle(integer(-5))) == "-5");
  CHECK(value(pickle("\x8a\x09" + std::string(9, '\1'))) == "an integer of 9 bytes");
  CHECK(value(pickle(bytes_of({'G', 0xbf, 0xf8, 0, 0, 0, 0, 0, 0}))) == "-1.5");
}

TEST_CASE("pickle: texts and bytes in every length form") {
  CHECK(value(pickle(text("abc"))) == "'abc'");
  CHECK(value(pickle(text(""))) == "''");
  CHECK(value(pickle(bytes_of({0x8c, 2, 'h', 'i'}))) == "'hi'");
  CHECK(value(pickle("\x8d" + little_endian(2, 8) + "hi")) == "'hi'");
  CHECK(value(pickle(bytes_of({'U', 2, 'h', 'i'}))) == "'hi'");
  CHECK(value(pickle("T" + little_endian(2, 4) + "hi")) == "'hi'");
  CHECK(value(pickle(bytes_of({'C', 2, 'h', 'i'}))) == "b'hi'");
  CHECK(value(pickle("B" + little_endian(2, 4) + "hi")) == "b'hi'");
  CHECK(value(pickle("\x8e" + little_endian(2, 8) + "hi")) == "b'hi'");
  const std::string encode = class_name("_codecs", "encode");
  CHECK(value(pickle(call(encode, tuple(text("a\xc3\xbf") + text("latin1"))))) == "b'a\xff'");
  CHECK_THAT(refusal(pickle(call(encode, tuple(text("\xe2\x82\xac") + text("latin1"))))),
             ContainsSubstring("latin1"));
}

TEST_CASE("pickle: containers, filled one by one and at once") {
  CHECK(value(pickle("]")) == "[]");
  CHECK(value(pickle("]Na\x88"
                     "a")) == "[None True]");
  CHECK(value(pickle(list("N\x88"))) == "[None True]");
  CHECK(value(pickle("(N\x88l")) == "[None True]");
  CHECK(value(pickle(")")) == "()");
  CHECK(value(pickle("N\x85")) == "(None)");
  CHECK(value(pickle("N\x88\x86")) == "(None True)");
  CHECK(value(pickle("N\x88\x89\x87")) == "(None True False)");
  CHECK(value(pickle(tuple("NN"))) == "(None None)");
  CHECK(value(pickle("}")) == "{}");
  CHECK(value(pickle("}" + text("a") + "Ns")) == "{'a' None}");
  CHECK(value(pickle(dict(text("a") + "N" + text("b") + "\x88"))) == "{'a' None 'b' True}");
  CHECK(value(pickle("(" + text("a") + "Nd")) == "{'a' None}");
  CHECK(value(pickle("\x8f(N\x88\x90")) == "<None True>");
  CHECK(value(pickle("(N\x88\x91")) == "<None True>");
  CHECK(value(pickle(call(class_name("__builtin__", "set"), list("N") + "\x85"))) == "<None>");
  CHECK(value(pickle(call(class_name("builtins", "frozenset"), list("N") + "\x85"))) == "<None>");
}

TEST_CASE("pickle: stack, memo and frames") {
  CHECK(value(pickle("N2\x86")) == "(None None)");
  CHECK(value(pickle("N\x88"
                     "0")) == "None");
  CHECK(value(pickle("N(\x88\x89"
                     "1")) == "None");
  CHECK(value(pickle(text("a") + bytes_of({'q', 3, 'h', 3, 0x86}))) == "('a' 'a')");
  CHECK(value(pickle("N" + bytes_of({'r', 0xff, 0xff, 0xff, 0xff, 'j', 0xff, 0xff, 0xff, 0xff,
                                     0x86}))) == "(None None)");
  CHECK(value(pickle("N\x94\x88\x94" + bytes_of({'h', 0, 0x87}))) == "(None True None)");
  CHECK(value("\x80\x04\x95" + little_endian(2, 8) + "N.") == "None");
  const std::string two = pickle("N") + pickle("\x88");
  const Pickle first = read(two);
  CHECK(first.end() == pickle("N").size());
  CHECK(Pickle::read(two, "file.pt", first.end()).end() == two.size());
}

TEST_CASE("pickle: the classes of PyTorch's files are kept as data") {
  CHECK(value(pickle(ordered_dict(text("a") + "N"))) == "{'a' None}");
  CHECK(value(pickle(ordered_dict("") + "}b")) == "{}");
  CHECK(value(pickle(call(class_name("collections", "OrderedDict"),
                          list(tuple(text("a") + "N")) + "\x85"))) == "{'a' None}");
  const Pickle names = read(pickle(name_space(text("heads") + "K\x04")));
  const PickleNode& root = names.node(names.root());
  CHECK(shown(names, names.root()) == "argparse.Namespace[() {'heads' 4}]");
  REQUIRE(names.find(root, "heads") != nullptr);
  CHECK(names.find(root, "heads")->integer == 4);
  CHECK(names.find(root, "width") == nullptr);
  CHECK(value(pickle(tuple(text("storage")) + "Q")) == "@('storage')");
  CHECK(value(pickle("\x8c\x05torch\x8c\x0bHalfStorage\x93")) == "the class torch.HalfStorage");
  const std::string rebuild = class_name("torch._utils", "_rebuild_parameter");
  CHECK(value(pickle(call(rebuild, tuple("N")))) == "torch._utils._rebuild_parameter[(None)]");
}

TEST_CASE("pickle: the last of two entries counts") {
  const Pickle twice = read(pickle(dict(text("a") + "K\1" + text("a") + "K\2")));
  CHECK(twice.find(twice.node(twice.root()), "a")->integer == 2);
}

TEST_CASE("pickle: every other class is refused by name, and nothing runs") {
  const std::vector<std::pair<std::string, std::string>> classes{
      {"os", "system"},
      {"posix", "system"},
      {"builtins", "eval"},
      {"torch._utils", "_rebuild_qtensor"},
      {"torch.cuda", "FloatStorage"},
      {"numpy.core.multiarray", "scalar"},
      {"collections", "defaultdict"}};
  for (const auto& [module, name] : classes) {
    const std::string full = module + "." + name;
    CHECK_THAT(refusal(pickle(call(class_name(module, name), tuple(text("touch /tmp/x"))))),
               ContainsSubstring("nothing in a pickle is executed") && ContainsSubstring(full));
    const std::string stacked = text(module) + text(name) + "\x93";
    CHECK_THAT(refusal(pickle(stacked)), ContainsSubstring(full));
  }
  CHECK_THAT(refusal(pickle(class_name("o\x1b[2Js", "system"))),
             ContainsSubstring("o?[2Js.system"));
  CHECK_THAT(refusal(pickle(call(class_name("torch", "FloatStorage"), ")"))),
             ContainsSubstring("only a class with a known meaning can be called"));
  CHECK_THAT(refusal(pickle(call(text("os.system"), ")"))), ContainsSubstring("'os.system'"));
  CHECK_THAT(refusal(pickle(call(class_name("argparse", "Namespace"), "N"))),
             ContainsSubstring("tuple of arguments"));
  for (const char opcode : {'i', 'o', '\x82', '\x83', '\x84', '\x92', 'P', 'I', '\x96', '\xff'})
    CHECK_THAT(refusal(pickle("N(N" + std::string(1, opcode) + "os\nsystem\n")),
               ContainsSubstring("must hold opcodes of plain data, got 0x"));
}

TEST_CASE("pickle: attributes go to a Namespace alone") {
  CHECK_THAT(refusal(pickle("]}b")), ContainsSubstring("only an argparse.Namespace"));
  CHECK_THAT(refusal(pickle(call(class_name("argparse", "Namespace"), ")") + "Nb")),
             ContainsSubstring("only an argparse.Namespace"));
}

TEST_CASE("pickle: a file cut at any byte is refused") {
  const std::string whole = pickle(dict(
      text("args") + name_space(text("a") + "K\1") + text("model") +
      ordered_dict(text("w") + tensor("0", {"FloatStorage", 4, 0, tuple("K\4"), tuple("K\1")})) +
      text("more") + list("NG12345678\x8a\x02\x01\x02")));
  CHECK_NOTHROW(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size());
    CHECK_THAT(refusal(whole.substr(0, size)), ContainsSubstring("must"));
  }
}

TEST_CASE("pickle: a changed byte is read or refused, never worse") {
  const std::string whole = pickle(dict(
      text("a") + list("K\1K\2") + text("b") + name_space(text("c") + "N") + text("d") +
      tensor("0", {"FloatStorage", 4, 0, tuple("K\4"), tuple("K\1")}) + bytes_of({0x94, 'h', 0})));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      try {
        read(changed);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::Data) FAIL(error.what());
      }
    }
}

TEST_CASE("pickle: sizes beyond the file are refused before memory is taken") {
  const std::string huge(8, '\x7f');
  for (const std::string& form :
       {"X" + huge.substr(0, 4), "T" + huge.substr(0, 4), "B" + huge.substr(0, 4), "\x8d" + huge,
        "\x8e" + huge, "\x8b" + std::string("\xff\xff\xff\xff"), std::string("U\xff"),
        "\x8d" + std::string(8, '\xff')})
    CHECK_THAT(refusal("\x80\x02" + form + "abc."),
               ContainsSubstring("must lie within the pickle"));
  CHECK_THAT(refusal("\x80\x04\x95" + huge + "N."), ContainsSubstring("a frame must end within"));
  CHECK_THAT(refusal("\x80\x06N."), ContainsSubstring("protocol must be at most 5, got 6"));
  CHECK_THAT(refusal(pickle("cos")), ContainsSubstring("a line must end"));
}

TEST_CASE("pickle: an empty or misused stack is refused") {
  for (const std::string& opcode :
       std::vector<std::string>{"", "0", "2", "a", "s", "R", "b", "Q", "\x81", "\x85", "\x86",
                                "\x87", "\x93", "q\1", "\x94"})
    CHECK_THAT(refusal("\x80\x02" + opcode + "."), ContainsSubstring("on the stack, got none"));
  for (const std::string& opcode :
       std::vector<std::string>{"t", "l", "d", "e", "u", "1", "\x90", "\x91"})
    CHECK_THAT(refusal("\x80\x02]" + opcode + "."), ContainsSubstring("a mark"));
  CHECK_THAT(refusal(pickle("N(0")), ContainsSubstring("got none"));
  CHECK_THAT(refusal(pickle("N(N")), ContainsSubstring("close its lists"));
  CHECK_THAT(refusal(pickle("NNa")), ContainsSubstring("a list on the stack, got None"));
  CHECK_THAT(refusal(pickle("]NNs")), ContainsSubstring("a dict on the stack, got a list of 0"));
  CHECK_THAT(refusal(pickle("](N\x90")), ContainsSubstring("a set on the stack"));
  CHECK_THAT(refusal(pickle("}(NNNu")), ContainsSubstring("pairs"));
  CHECK_THAT(refusal(pickle("h\7")), ContainsSubstring("remembered before use, got number 7"));
}

TEST_CASE("pickle: deep nesting and lists that hold themselves cost nothing") {
  constexpr std::size_t kDepth = 1000000;
  const Pickle deep = read(pickle(std::string(kDepth, ']') + std::string(kDepth - 1, 'a')));
  CHECK(deep.nodes().size() == kDepth);
  const Pickle tuples = read(pickle("N" + std::string(kDepth, '\x85')));
  CHECK(tuples.nodes().size() == kDepth + 1);
  CHECK_THAT(refusal(pickle(std::string(kDepth, '('))),
             ContainsSubstring("got none") || ContainsSubstring("close its lists"));
  const Pickle cycle = read(pickle(bytes_of({']', 'q', 0, 'h', 0, 'a'})));
  CHECK(cycle.node(cycle.root()).items == std::vector<PickleId>{cycle.root()});
  const Pickle map = read(pickle(bytes_of({'}', 'q', 0}) + text("self") + bytes_of({'h', 0, 's'})));
  CHECK(map.find(map.node(map.root()), "self") == &map.node(map.root()));
}

TEST_CASE("pickle: references cannot make a small file large") {
  // A text of 1 MB, remembered, then made into bytes again and again.
  const std::string once = bytes_of({'h', 1, 'h', 0, 'R', '0'});
  std::string bomb = class_name("_codecs", "encode") + bytes_of({'q', 1, '0'}) +
                     tuple(text(std::string(1 << 20, 'x')) + text("latin1")) +
                     bytes_of({'q', 0, '0'});
  for (int i = 0; i < 100000; ++i) bomb += once;
  const auto start = std::chrono::steady_clock::now();
  CHECK_THAT(refusal(pickle(bomb + "N")), ContainsSubstring("must not grow beyond its file"));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK_THAT(refusal(pickle(std::string((1 << 21) + 1, 'N'))), ContainsSubstring("2^21 values"));
}

}  // namespace
}  // namespace longspan::interop
