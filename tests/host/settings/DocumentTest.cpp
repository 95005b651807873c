// SPDX-License-Identifier: Apache-2.0
#include "Expectation.h"
#include "settings/DocumentBuilder.h"

#include <Poco/TemporaryFile.h>

#include <fstream>
#include <sys/stat.h>

namespace wasmproxy::host {

class DocumentTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DocumentTest);
    CPPUNIT_TEST(goodIni);
    CPPUNIT_TEST(badIni);
    CPPUNIT_TEST(goodXml);
    CPPUNIT_TEST(badXml);
    CPPUNIT_TEST(xmlBombsAreRefused);
    CPPUNIT_TEST(bounds);
    CPPUNIT_TEST(environment);
    CPPUNIT_TEST(badEnvironment);
    CPPUNIT_TEST(files);
    CPPUNIT_TEST_SUITE_END();

    using Problems = std::vector<SettingsProblem>;

    static SettingsDocument good(const std::string& text, bool xml = false) {
        Problems problems;
        SettingsDocument document = xml ? readXml(text, "f", problems) : readIni(text, "f", problems);
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        return document;
    }

public:
    void goodIni() {
        const SettingsDocument document = good("\xEF\xBB\xBF# comment\r\n"
                                               " ; another = comment\n"
                                               "  [pull]  \r\n"
                                               "hold=12s\n"
                                               "\tworkers =  8\t\n"
                                               "[route.a-1]\n"
                                               "match = x.example.com/a/*=b # no comment ; here ${HOME} %d \"q\" \\n\n"
                                               "backend =\n"
                                               "credentials = é");
        CPPUNIT_ASSERT_EQUAL(
            std::string("[pull] hold='12s' workers='8'\n"
                        "[route.a-1] match='x.example.com/a/*=b # no comment ; here ${HOME} %d \"q\" \\n' "
                        "backend='' credentials='é'\n"),
            show(document));
        CPPUNIT_ASSERT_EQUAL(std::string("f:3"), document.sections[0].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("f:5"), document.sections[0].values[1].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("f:9"), document.sections[1].values[2].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("route.a-1."), document.find("route", "a-1")->prefix());
        CPPUNIT_ASSERT(document.find("route") == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), document.all("route").size());
        CPPUNIT_ASSERT(good("").sections.empty());
    }

    void badIni() {
        struct Row {
            std::string text;
            std::vector<Expectation> expected;
        };
        const std::vector<Row> table{
            {"hold = 12s\n[pull]", {{"f:1", "hold", "in no section"}}},
            {"[pull]\nhold\n", {{"f:2", "", "key = value"}}},
            {"[pull]\nhold: 12s\n", {{"f:2", "", "key = value"}}},
            {"[pull]\n= 12s", {{"f:2", "pull.", "without a name"}}},
            {"[pull]\nHold = 12s", {{"f:2", "pull.Hold", "lower-case"}}},
            {"[pull]\nmax_module = 1", {{"f:2", "pull.max_module", "lower-case"}}},
            {"[pull]\n1st = 1", {{"f:2", "pull.1st", "begin with a letter"}}},
            {"[pull]\nhold = 1s\n\nhold = 1s", {{"f:4", "pull.hold", "repeated"}}},
            {"[Pull]\nhold = 1s", {{"f:1", "Pull", "lower-case"}}},
            {"[]", {{"f:1", "", "without a name"}}},
            {"[", {{"f:1", "", "must end with ']'"}}},
            {"[pull", {{"f:1", "", "must end with ']'"}}},
            {"[pull] # quick", {{"f:1", "", "must end with ']'"}}},
            {"[route.]", {{"f:1", "", "is missing"}}},
            {"[.a]", {{"f:1", ".a", "without a name"}}},
            {"[ pull ]", {{"f:1", " pull ", "lower-case"}}},
            {"[route.A]", {{"f:1", "route.A", "lower-case"}}},
            {"[route.docker.io]\nmatch = a", {{"f:1", "", "`match`"}}},
            {"[route \"a\"]", {{"f:1", "route \"a\"", "lower-case"}}},
            {"[route.a]\nmatch = 1\n[pull]\n[route.a]\nmatch = 2", {{"f:4", "route.a", "the first one is at f:1"}}},
            {"[pull]\n[pull]\nBad = 1", {{"f:2", "pull", "repeated"}, {"f:3", "Bad", "lower-case"}}},
            {"[pull]\nhold = a\x1b[31m", {{"f:2", "pull.hold", "control character"}}},
            {"[pull]\nhold = a\rb", {{"f:2", "pull.hold", "line break"}}},
            {std::string("[pull]\nhold = a\0b", 17), {{"f:2", "pull.hold", "control character"}}},
            {"[pull]\nhold = \xff", {{"f:2", "pull.hold", "not UTF-8"}}},
            {"[pull]\nhold = \xe2\x82", {{"f:2", "pull.hold", "not UTF-8"}}},
            {"[pull]\n\x1bx = 1", {{"f:2", "pull.?x", "lower-case"}}},
            {"x\n[pull]\ny\nZ = 1\n[Q]\n",
             {{"f:1", "", "key = value"},
              {"f:3", "", "key = value"},
              {"f:4", "pull.Z", "lower"},
              {"f:5", "Q", "lower"}}},
        };
        for (const Row& row : table) {
            Problems problems;
            readIni(row.text, "f", problems);
            expectProblems(row.text, problems, row.expected);
        }
        // What is right stays, what is repeated keeps its first value.
        Problems problems;
        const SettingsDocument document = readIni(
            "[pull]\nhold = 1s\nhold = 2s\n[X]\nhold = 3s\n[pull]\nworkers = 1\n[log]\nlevel = a", "f", problems);
        CPPUNIT_ASSERT_EQUAL(std::string("[pull] hold='1s'\n[log] level='a'\n"), show(document));
    }

    void goodXml() {
        const SettingsDocument document =
            good("<?xml version=\"1.0\"?>\n<!-- <!DOCTYPE only=\"a comment\"> -->\n<wasm-proxy>\n"
                 "  <pull><hold>\n 12s </hold>\n<workers/></pull>\n"
                 "  <route name=\"a-1\">\n<match>x/&lt;<![CDATA[<!y]]>&amp;&#97;</match></route>\n</wasm-proxy>\n",
                 true);
        CPPUNIT_ASSERT_EQUAL(std::string("[pull] hold='12s' workers=''\n[route.a-1] match='x/<<!y&a'\n"),
                             show(document));
        CPPUNIT_ASSERT_EQUAL(std::string("f:4"), document.sections[0].values[0].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("f:7"), document.sections[1].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("f:8"), document.sections[1].values[0].origin);
        CPPUNIT_ASSERT(good("<wasm-proxy/>", true).sections.empty());
    }

    void badXml() {
        struct Row {
            std::string text;
            std::vector<Expectation> expected;
        };
        const auto in = [](const std::string& inner) { return "<wasm-proxy>\n" + inner + "\n</wasm-proxy>"; };
        const std::vector<Row> table{
            {"", {{"f:1", "", "not well-formed"}}},
            {"[pull]\nhold = 1", {{"f:1", "", "not well-formed"}}},
            {"<wasm-proxy>\n<pull>\n", {{"f:3", "", "not well-formed"}}},
            {"<wasm-proxy>\n<pull></Pull></wasm-proxy>", {{"f:2", "", "not well-formed"}}},
            {"<other/>", {{"f:1", "", "<wasm-proxy>"}}},
            {"<wasm-proxy version='1'/>", {{"f:1", "wasm-proxy", "attributes"}}},
            {in("<pull kind='x'/>"), {{"f:2", "pull", "other than `name`"}}},
            {in("<route name=''/>"), {{"f:2", "", "`name` is empty"}}},
            {in("<route name='docker.io'/>"), {{"f:2", "route.docker.io", "lower-case"}}},
            {in("<Pull/>"), {{"f:2", "Pull", "lower-case"}}},
            {in("<a:pull/>"), {{"f:2", "a:pull", "lower-case"}}},
            {in("<pull>\n<hold unit='s'>1</hold></pull>"), {{"f:3", "hold", "attributes"}}},
            {in("<pull>\n<hold>1</hold>\n<hold>1</hold></pull>"), {{"f:4", "pull.hold", "repeated"}}},
            {in("<pull/>\n<pull/>"), {{"f:3", "pull", "the first one is at f:2"}}},
            {in("<pull>text</pull>"), {{"f:2", "", "text outside"}}},
            {in("text"), {{"f:2", "", "text outside"}}},
            {in("<pull><hold>a\nb</hold></pull>"), {{"f:2", "pull.hold", "line break"}}},
            {in("<pull><hold>1<s/></hold></pull>"), {{"f:2", "", "inside a key"}}},
            {in("<?run now?>"), {{"f:2", "", "processing"}}},
            {in("<pull><hold>&unknown;</hold></pull>"), {{"f:2", "", "not well-formed"}}},
            {in("<pull><hold>\xff</hold></pull>"), {{"f:2", "", "not well-formed"}}},
            {"<!DOCTYPE a>\n<wasm-proxy/>", {{"f:1", "", "document type"}}},
            {"<?xml version='1.0'?>\n\n<!DOCTYPE a SYSTEM 'file:///etc/passwd'>\n<wasm-proxy/>",
             {{"f:3", "", "document type"}}},
            {std::string("<\0w\0/\0>\0", 8), {{"f", "", "not UTF-8"}}},
        };
        for (const Row& row : table) {
            Problems problems;
            readXml(row.text, "f", problems);
            expectProblems(row.text, problems, row.expected);
        }
    }

    void xmlBombsAreRefused() {
        std::string entities = "<?xml version='1.0'?><!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'>";
        for (char c = 'b'; c < 'k'; ++c) {
            entities += std::string("<!ENTITY ") + c + " '";
            for (int i = 0; i < 10; ++i)
                entities += std::string("&") + static_cast<char>(c - 1) + ";";
            entities += "'>";
        }
        entities += "]><wasm-proxy><pull><hold>&j;</hold></pull></wasm-proxy>";
        // A comment or CDATA that closes early must not hide a declaration, nor may another encoding.
        const std::vector<std::string> table{
            entities, "<!-- -->" + entities.substr(21), "<!--x--><!-->" + entities.substr(21),
            "<?xml version='1.0' encoding='UTF-7'?>+ADwAIQ-DOCTYPE a+AD4-<wasm-proxy/>"};
        for (const std::string& text : table) {
            Problems problems;
            const SettingsDocument document = readXml(text, "f", problems);
            CPPUNIT_ASSERT_MESSAGE(text, !problems.empty());
            CPPUNIT_ASSERT_EQUAL(std::string(), show(document));
        }
        std::string deep;
        for (int i = 0; i < 200000; ++i)
            deep += "<a>";
        Problems problems;
        readXml("<wasm-proxy>" + deep, "f", problems);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(show(problems), std::size_t(2), problems.size());
    }

    void bounds() {
        for (const bool xml : {false, true}) {
            Problems problems;
            const std::string large(MaxSettingsBytes + 1, '\n');
            xml ? readXml(large, "f", problems) : readIni(large, "f", problems);
            expectProblems("1 MiB of nothing", problems, {{"f", "", "1 MiB"}});
        }
        Problems problems;
        readIni(std::string(MaxSettingsBytes, '\n'), "f", problems);
        CPPUNIT_ASSERT(problems.empty());
        std::string wrong;
        for (int i = 0; i < 5000; ++i)
            wrong += "wrong\n";
        readIni(wrong, "f", problems);
        CPPUNIT_ASSERT_EQUAL(MaxSettingsProblems + 1, problems.size());
        CPPUNIT_ASSERT(problems.back().message.find("not shown") != std::string::npos);
    }

    void environment() {
        SettingsDocument document = good("[route.private]\nmatch = a/**\nplain-http = false\n[pull]\nhold = 1s\n");
        Problems problems;
        applyEnvironment(document,
                         {"PATH=/bin", "WASM_PROXY_SERVICE_HOST=10.0.0.1", "WASM_PROXY_PORT=tcp://10.0.0.1:80",
                          "WASM_PROXY__ROUTE__PRIVATE__PLAIN_HTTP= true ", "WASM_PROXY__PULL__WORKERS=3",
                          "WASM_PROXY__ROUTE__A_1__MATCH=b/c=d", "WASM_PROXY__LOG__LEVEL=debug", "nothing",
                          "WASM_PROXY__LOG__LEVEL=error", "WASM_PROXY__CACHE__MAIN__DIRECTORY="},
                         problems);
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        CPPUNIT_ASSERT_EQUAL(std::string("[route.private] match='a/**' plain-http='true'\n"
                                         "[pull] hold='1s' workers='3'\n"
                                         "[cache.main] directory=''\n"
                                         "[log] level='debug'\n"
                                         "[route.a-1] match='b/c=d'\n"),
                             show(document));
        CPPUNIT_ASSERT_EQUAL(std::string("environment WASM_PROXY__ROUTE__PRIVATE__PLAIN_HTTP"),
                             document.sections[0].values[1].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("f:2"), document.sections[0].values[0].origin);
        CPPUNIT_ASSERT_EQUAL(std::string("environment WASM_PROXY__LOG__LEVEL"), document.sections[3].origin);
    }

    void badEnvironment() {
        for (const char* name :
             {"WASM_PROXY__", "WASM_PROXY__PULL", "WASM_PROXY__PULL__", "WASM_PROXY____HOLD", "WASM_PROXY__pull__HOLD",
              "WASM_PROXY__PULL__hold", "WASM_PROXY__A__B__C__D", "WASM_PROXY__ROUTE___A__MATCH",
              "WASM_PROXY__PULL__1X", "WASM_PROXY__PULL__MAX-MODULE", "WASM_PROXY__ROUTE__DOCKER.IO__MATCH"}) {
            SettingsDocument document;
            Problems problems;
            applyEnvironment(document, {std::string(name) + "=hidden-value"}, problems);
            expectProblems(name, problems, {{std::string("environment ") + name, "", "capitals"}});
            CPPUNIT_ASSERT(document.sections.empty());
            CPPUNIT_ASSERT(show(problems).find("hidden-value") == std::string::npos);
        }
        SettingsDocument document;
        Problems problems;
        applyEnvironment(document, {"WASM_PROXY__PULL__HOLD=a\nb"}, problems);
        expectProblems("line break", problems, {{"environment WASM_PROXY__PULL__HOLD", "pull.hold", "line break"}});
    }

    void files() {
        Poco::TemporaryFile directory;
        directory.createDirectories();
        const auto write = [&](const char* name, const char* text) {
            const std::string path = directory.path() + "/" + name;
            std::ofstream(path) << text;
            return path;
        };
        Problems problems;
        CPPUNIT_ASSERT_EQUAL(
            std::string("[pull] hold='1s'\n"),
            show(readSettings(write("a.xml", "<wasm-proxy><pull><hold>1s</hold></pull></wasm-proxy>"), problems)));
        CPPUNIT_ASSERT_EQUAL(std::string("[pull] hold='2s'\n"),
                             show(readSettings(write("a.conf", "[pull]\nhold = 2s"), problems)));
        CPPUNIT_ASSERT_EQUAL(std::string("[pull]\n"), show(readSettings(write(".xml", "[pull]"), problems)));
        CPPUNIT_ASSERT_EQUAL(std::string(), show(problems));
        readSettings(write("b.ini", "x"), problems);
        expectProblems("b.ini", problems, {{"b.ini:1", "", "key = value"}});
        problems.clear();
        readSettings(directory.path() + "/absent.ini", problems);
        readSettings(directory.path(), problems);
        ::mkfifo((directory.path() + "/fifo.ini").c_str(), 0600);
        readSettings(directory.path() + "/fifo.ini", problems);
        expectProblems("unreadable", problems,
                       {{directory.path() + "/absent.ini", "", "No such file"},
                        {directory.path(), "", "not a regular file"},
                        {directory.path() + "/fifo.ini", "", "not a regular file"}});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DocumentTest);

} // namespace wasmproxy::host
