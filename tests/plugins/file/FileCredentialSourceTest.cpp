// SPDX-License-Identifier: Apache-2.0
#include "FileCredentialSource.h"

#include "plugins/RecordingHost.h"
#include "plugins/TemporaryDirectory.h"
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

using namespace wasmproxy;

namespace {

std::string config(const std::string& host, const std::string& username, const std::string& password) {
    return R"({"auths":{")" + host + R"(":{"username":")" + username + R"(","password":")" + password + R"("}}})";
}

} // namespace

class FileCredentialSourceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FileCredentialSourceTest);
    CPPUNIT_TEST(keepsTheContract);
    CPPUNIT_TEST(answersEveryMatchBestFirst);
    CPPUNIT_TEST(readsAPlainEntry);
    CPPUNIT_TEST(knowsNoSecretNames);
    CPPUNIT_TEST(checksItsSettings);
    CPPUNIT_TEST(throwsUntilTheFileIsGood);
    CPPUNIT_TEST(namesWhatIsWrongWithTheFile);
    CPPUNIT_TEST(seesAChangeAtOnce);
    CPPUNIT_TEST(seesTheSwapOfAKubernetesVolume);
    CPPUNIT_TEST(keepsTheLastGoodEntries);
    CPPUNIT_TEST(saysEachThingOncePerChange);
    CPPUNIT_TEST(isNeverTornByAWriter);
    CPPUNIT_TEST(isNeverTornByTheSwapOfAVolume);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        directory = std::make_unique<TemporaryDirectory>();
        path = *directory / "config.json";
        host.take();
        umask = ::umask(077);
    }
    void tearDown() override {
        ::umask(umask);
        directory.reset();
    }

    void keepsTheContract() {
        const std::string others = R"("*.net":{"username":"v","password":"hunter3"}}})";
        const auto configOf = [&](const std::string& secret) {
            return R"({"auths":{"reg.io":{"username":"user","password":")" + secret + "\"}," + others;
        };
        writeFile(path, configOf("hunter2"));
        testing::CredentialSourceOptions config;
        config.rotate = [&](const std::string& secret) { writeFile(path, configOf(secret)); };
        config.damage = [&] { writeFile(path, R"({"auths":{"reg.io":7)"); };
        config.revoke = [&] { writeFile(path, "{\"auths\":{" + others); };
        requireContract(config, {{"docker-config", path, "t:1"}}, 13);

        const std::string password = *directory / "password";
        writeFile(password, "hunter4\n");
        testing::CredentialSourceOptions entry; // a password cannot be revoked here: a file that is gone stays in force
        entry.rotate = [&](const std::string& secret) { writeFile(password, secret + "\n"); };
        entry.damage = [&] { writeFile(password, ""); };
        requireContract(
            entry,
            {{"registry", "reg.io/team", "t:1"}, {"username", "user", "t:2"}, {"password-file", password, "t:3"}}, 12);
    }

    void requireContract(testing::CredentialSourceOptions& options, const std::vector<KeyValue>& values,
                         std::size_t checks) {
        options.present = Repository("reg.io", "team/a");
        options.absent = Repository("other.example.com", "team/a");
        options.expectedUsername = "user";
        const auto findings = testing::checkCredentialSource(
            [&](HostServices& services) { return make(values, services); }, host, options);
        CPPUNIT_ASSERT_EQUAL(checks, findings.size());
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void answersEveryMatchBestFirst() {
        writeFile(path, R"({"auths":{
            "reg.io":{"auth":"aG9zdDpw"}, "reg.io/team":{"auth":"dGVhbTpw"}, "reg.io/team/app":{"auth":"YXBwOnA="},
            "*.io":{"auth":"Z2xvYjpw"}, "reg.io:5000":{"auth":"cG9ydDpw"}, "reg.io/tea":{"auth":"dGVhOnA="},
            "https://index.docker.io/v1/":{"auth":"aHViOnA="}, "docker.io/team":{"auth":"aHVidGVhbTpw"}}})");
        const auto source = make(path);
        CPPUNIT_ASSERT_EQUAL(std::string("app team host glob"), users(*source, "reg.io", "team/app"));
        CPPUNIT_ASSERT_EQUAL(std::string("team host glob"), users(*source, "reg.io", "team/application"));
        CPPUNIT_ASSERT_EQUAL(std::string("host glob"), users(*source, "reg.io", "other"));
        CPPUNIT_ASSERT_EQUAL(std::string("glob"), users(*source, "any.io", "other"));
        CPPUNIT_ASSERT_EQUAL(std::string(""), users(*source, "a.any.io", "other"));
        CPPUNIT_ASSERT_EQUAL(std::string("port"), users(*source, "reg.io:5000", "team/app"));
        CPPUNIT_ASSERT_EQUAL(std::string("hub glob"), users(*source, "registry-1.docker.io", "nginx"));
        CPPUNIT_ASSERT_EQUAL(std::string("hubteam hub glob"), users(*source, "docker.io", "team/a"));
        const auto found = find(*source, "reg.io", "team/app");
        CPPUNIT_ASSERT_EQUAL("reg.io/team/app in " + path, found[0].name);
    }

    void readsAPlainEntry() {
        const std::string password = *directory / "password";
        const auto source = [&](const std::string& username) {
            return make({{"registry", "https://reg.io:5000/team", "t:1"},
                         {"username", username, "t:2"},
                         {"password-file", password, "t:3"}});
        };
        for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{{"hunter2", "hunter2"},
                                                                                             {"hunter2\n", "hunter2"},
                                                                                             {"hunter2\r\n", "hunter2"},
                                                                                             {"a\nb\n\n", "a\nb\n"},
                                                                                             {" x ", " x "}}) {
            writeFile(password, text);
            const auto found = find(*source("user"), "reg.io:5000", "team/a");
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
            CPPUNIT_ASSERT(found[0].kind == Credential::Kind::Basic);
            CPPUNIT_ASSERT_EQUAL(std::string("user"), found[0].username);
            CPPUNIT_ASSERT_EQUAL(expected, std::string(found[0].secret.reveal()));
            CPPUNIT_ASSERT_EQUAL("https://reg.io:5000/team in " + password, found[0].name);
        }
        CPPUNIT_ASSERT(find(*source("<token>"), "reg.io:5000", "team")[0].kind == Credential::Kind::IdentityToken);
        CPPUNIT_ASSERT_EQUAL(std::string(""), users(*source("user"), "reg.io:5000", "teams"));
        for (const std::string empty : {"", "\n"}) {
            writeFile(password, empty);
            assertFault(*source("user"), "password-file: " + password + " is empty");
        }
    }

    void knowsNoSecretNames() {
        writeFile(path, config("reg.io", "user", "hunter2"));
        const auto source = make(path);
        Call call("t", Call::Clock::now() + std::chrono::seconds(9));
        CPPUNIT_ASSERT(source->find(call, {Repository("reg.io", "a"), "pull-secret"}).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), source->find(call, {Repository("reg.io", "a"), ""}).size());
    }

    void checksItsSettings() {
        struct Row {
            std::vector<KeyValue> values;
            std::vector<std::string> keys; ///< of the problems
        };
        const KeyValue docker{"docker-config", "/c", "t:1"};
        const KeyValue registry{"registry", "reg.io/a", "t:2"};
        const KeyValue username{"username", "u", "t:3"};
        const KeyValue password{"password-file", "/p", "t:4"};
        const KeyValue providers{"credential-provider-config", "/c.yaml", "t:5"};
        const KeyValue programs{"credential-provider-bin-dir", "/opt/providers", "t:6"};
        const KeyValue search{"helper-path", "/opt/bin, /usr/bin", "t:7"};
        const KeyValue environment{"helper-environment", "AWS_REGION, A=b=c", "t:8"};
        const KeyValue limit{"credential-provider-cache-limit", "1m", "t:9"};
        for (const Row& row : std::vector<Row>{
                 {{docker}, {}},
                 {{registry, username, password}, {}},
                 {{}, {"docker-config"}},
                 {{docker, registry}, {"registry"}},
                 {{docker, registry, username, password}, {"registry", "username", "password-file"}},
                 {{registry}, {"username", "password-file"}},
                 {{username, password}, {"registry"}},
                 {{{"docker-config", "relative.json", "t:1"}}, {"docker-config"}},
                 {{{"docker-config", "", "t:1"}}, {"docker-config"}},
                 {{registry, username, {"password-file", "p", "t:4"}}, {"password-file"}},
                 {{registry, {"username", "", "t:3"}, password}, {"username"}},
                 {{{"registry", "*.io", "t:2"}, username, password}, {"registry"}},
                 {{docker, search, environment}, {}},
                 {{providers, programs, search, environment, limit}, {}},
                 {{providers}, {"credential-provider-bin-dir"}},
                 {{programs}, {"credential-provider-config"}},
                 {{{"credential-provider-config", "c", "t:5"}, programs}, {"credential-provider-config"}},
                 {{docker, providers, programs}, {"credential-provider-config", "credential-provider-bin-dir"}},
                 {{providers, programs, username}, {"username"}},
                 {{registry, username, password, search}, {"helper-path"}},
                 {{docker, limit}, {"credential-provider-cache-limit"}},
                 {{registry, username, password, limit}, {"credential-provider-cache-limit"}},
                 {{docker, {"helper-path", "/usr/bin, bin", "t:7"}}, {"helper-path"}},
                 {{docker, {"helper-path", "/usr/bin:/bin", "t:7"}}, {"helper-path"}},
                 {{docker, {"helper-environment", "A B", "t:8"}}, {"helper-environment"}},
                 {{docker, {"helper-environment", "=hunter2", "t:8"}}, {"helper-environment"}},
                 {{docker, {"helper-environment", "1A=hunter2", "t:8"}}, {"helper-environment"}},
                 {{{"registry", "reg io", "t:2"}, username, password}, {"registry"}},
                 {{{"registry", "u:hunter2@reg.io", "t:2"}, username, password}, {"registry"}}}) {
            file::FileSettings settings;
            std::vector<SettingsProblem> problems;
            settings.apply(row.values, "credentials.x.", problems);
            CPPUNIT_ASSERT_EQUAL(row.keys.size(), problems.size());
            for (std::size_t i = 0; i < problems.size(); ++i) {
                CPPUNIT_ASSERT_EQUAL("credentials.x." + row.keys[i], problems[i].key);
                CPPUNIT_ASSERT(problems[i].message.find("hunter2") == std::string::npos);
            }
        }
    }

    void throwsUntilTheFileIsGood() {
        const auto source = make(path);
        assertFault(*source, "docker-config: cannot read " + path + ": No such file or directory");
        writeFile(path, "{");
        assertFault(*source, "docker-config: " + path + ": not valid JSON");
        assertFault(*source, "docker-config: " + path + ": not valid JSON");
        writeFile(path, config("reg.io", "user", "hunter2"));
        CPPUNIT_ASSERT_EQUAL(std::string("user"), users(*source, "reg.io", "a"));
        CPPUNIT_ASSERT(host.take().empty());
    }

    void namesWhatIsWrongWithTheFile() {
        assertFault(*make(directory->path()), directory->path() + " is not a regular file");
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo((*directory / "pipe").c_str(), 0600));
        assertFault(*make(*directory / "pipe"), (*directory / "pipe") + " is not a regular file");
        writeFile(path, std::string((1 << 20) + 1, ' '));
        assertFault(*make(path), path + " is larger than 1 MiB");
        writeFile(path, "x");
        assertFault(*make(path + "/x"), "Not a directory");
        std::filesystem::permissions(directory->path(), std::filesystem::perms(0755));
        std::filesystem::permissions(path, std::filesystem::perms(0));
        const bool wasRoot = ::geteuid() == 0;
        if (wasRoot) CPPUNIT_ASSERT_EQUAL(0, ::seteuid(65534));
        const std::string text = faultOf(*make(path));
        const std::string uid = std::to_string(::geteuid());
        if (wasRoot) CPPUNIT_ASSERT_EQUAL(0, ::seteuid(0));
        CPPUNIT_ASSERT_MESSAGE(text, text.find("Permission denied") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(text, text.find("(uid " + uid + ")") != std::string::npos);
    }

    void seesAChangeAtOnce() {
        writeFile(path, config("reg.io", "user0", "hunter2"));
        const auto source = make(path);
        CPPUNIT_ASSERT_EQUAL(std::string("user0"), users(*source, "reg.io", "a"));
        for (int i = 1; i < 10; ++i) { // in place, of the same size, within one tick of the file system's clock
            writeFile(path, config("reg.io", "user" + std::to_string(i), "hunter2"));
            CPPUNIT_ASSERT_EQUAL("user" + std::to_string(i), users(*source, "reg.io", "a"));
        }
        writeFile(path + ".new", config("reg.io", "renamed", "hunter2"));
        std::filesystem::rename(path + ".new", path);
        CPPUNIT_ASSERT_EQUAL(std::string("renamed"), users(*source, "reg.io", "a"));
        writeFile(path, R"({"auths":{}})");
        CPPUNIT_ASSERT_EQUAL(std::string(""), users(*source, "reg.io", "a"));
    }

    void seesTheSwapOfAKubernetesVolume() {
        const auto publish = [&](const std::string& version, const std::string& username) {
            std::filesystem::create_directory(*directory / version);
            writeFile(*directory / (version + "/config.json"), config("reg.io", username, "hunter2"));
            std::filesystem::create_directory_symlink(version, *directory / "..data_tmp");
            std::filesystem::rename(*directory / "..data_tmp", *directory / "..data");
        };
        publish("..2024_01", "one");
        std::filesystem::create_symlink("..data/config.json", path);
        const auto source = make(path);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), users(*source, "reg.io", "a"));
        publish("..2024_02", "two");
        std::filesystem::remove_all(*directory / "..2024_01");
        CPPUNIT_ASSERT_EQUAL(std::string("two"), users(*source, "reg.io", "a"));
        CPPUNIT_ASSERT(host.take().empty());
    }

    void keepsTheLastGoodEntries() {
        writeFile(path, config("reg.io", "good", "hunter2"));
        const auto source = make(path);
        CPPUNIT_ASSERT_EQUAL(std::string("good"), users(*source, "reg.io", "a"));
        const std::vector<std::pair<std::string, std::function<void()>>> breaks = {
            {"not valid JSON", [&] { writeFile(path, R"({"auths":{"reg.io":{"password":"hunter2"}})"); }},
            {"empty", [&] { writeFile(path, ""); }},
            {"No such file", [&] { std::filesystem::remove(path); }},
            {"not a regular file", [&] { std::filesystem::create_directory(path); }}};
        for (const auto& [expected, damage] : breaks) {
            damage();
            for (int i = 0; i < 3; ++i)
                CPPUNIT_ASSERT_EQUAL_MESSAGE(expected, std::string("good"), users(*source, "reg.io", "a"));
            const auto lines = host.take();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(expected, std::size_t(1), lines.size());
            CPPUNIT_ASSERT_MESSAGE(lines[0], lines[0].find(path) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(lines[0], lines[0].find(expected) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(lines[0], lines[0].find("stay in force") != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(lines[0], lines[0].find("hunter2") == std::string::npos);
        }
        std::filesystem::remove(path);
        writeFile(path, config("reg.io", "again", "hunter2"));
        CPPUNIT_ASSERT_EQUAL(std::string("again"), users(*source, "reg.io", "a"));
    }

    void saysEachThingOncePerChange() {
        writeFile(path, R"({"credHelpers":{"*.io":"x"},"auths":{"reg.io":{"auth":"dTpw"},"bad.io":{"auth":"!"}}})");
        std::filesystem::permissions(path, std::filesystem::perms(0644));
        const auto source = make(path);
        for (int i = 0; i < 5; ++i)
            CPPUNIT_ASSERT_EQUAL(std::string("u"), users(*source, "reg.io", "a"));
        const auto lines = host.take();
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), lines.size());
        CPPUNIT_ASSERT(lines[0].find("entry \"bad.io\"") != std::string::npos);
        CPPUNIT_ASSERT(lines[1].find("helper for \"*.io\" is left out") != std::string::npos);
        CPPUNIT_ASSERT(lines[2].find("readable by every user") != std::string::npos);
        std::filesystem::permissions(path, std::filesystem::perms(0600));
        users(*source, "reg.io", "a");
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), host.take().size());
    }

    void isNeverTornByAWriter() {
        // Renamed into place, so that each reading finds one version whole.
        publishUnderReaders([&](const std::string& text, int) {
            writeFile(path + ".new", text);
            std::filesystem::rename(path + ".new", path);
        });
    }

    void isNeverTornByTheSwapOfAVolume() {
        std::filesystem::create_symlink("..data/config.json", path);
        publishUnderReaders([&](const std::string& text, int version) {
            const std::string folder = "..v" + std::to_string(version);
            std::filesystem::create_directory(*directory / folder);
            writeFile(*directory / (folder + "/config.json"), text);
            std::filesystem::create_directory_symlink(folder, *directory / "..data_tmp");
            std::filesystem::rename(*directory / "..data_tmp", *directory / "..data");
            if (version > 0) std::filesystem::remove_all(*directory / ("..v" + std::to_string(version - 1)));
        });
    }

private:
    std::unique_ptr<file::FileCredentialSource> make(const std::vector<KeyValue>& values, HostServices& services) {
        auto settings = std::make_unique<file::FileSettings>();
        std::vector<SettingsProblem> problems;
        settings->apply(values, "credentials.x.", problems);
        CPPUNIT_ASSERT(problems.empty());
        return std::make_unique<file::FileCredentialSource>(services, std::move(settings));
    }
    std::unique_ptr<file::FileCredentialSource> make(const std::vector<KeyValue>& values) { return make(values, host); }
    std::unique_ptr<file::FileCredentialSource> make(const std::string& dockerConfig) {
        return make({{"docker-config", dockerConfig, "t:1"}});
    }
    /// 100 rotations under four readers: every answer is one version whole, none older than what was published before
    /// it was asked for.
    void publishUnderReaders(const std::function<void(const std::string&, int)>& write) {
        std::atomic<int> published{0};
        const auto publish = [&](int i) {
            write(config("reg.io", "u" + std::to_string(i), "p" + std::to_string(i)), i);
            published = i;
        };
        publish(0);
        const auto source = make(path);
        std::vector<std::thread> readers;
        std::atomic<bool> done{false};
        std::atomic<int> wrong{0};
        std::atomic<int> answers{0};
        for (int i = 0; i < 4; ++i)
            readers.emplace_back([&] {
                while (!done) {
                    const int oldest = published;
                    const auto found = find(*source, "reg.io", "a");
                    if (found.size() != 1 || found[0].username.substr(1) != found[0].secret.reveal().substr(1) ||
                        std::stoi(found[0].username.substr(1)) < oldest)
                        ++wrong;
                    ++answers;
                }
            });
        for (int i = 1; i <= 100; ++i) {
            const int before = answers;
            publish(i);
            while (answers < before + 4)
                std::this_thread::yield();
        }
        done = true;
        for (auto& reader : readers)
            reader.join();
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        CPPUNIT_ASSERT_EQUAL(std::string("u100"), users(*source, "reg.io", "a"));
        const auto lines = host.take();
        CPPUNIT_ASSERT_MESSAGE(lines.empty() ? "" : lines[0], lines.empty());
    }
    static std::vector<Credential> find(CredentialSource& source, const std::string& registry,
                                        const std::string& name) {
        Call call("t", Call::Clock::now() + std::chrono::seconds(9));
        return source.find(call, {Repository(registry, name), {}});
    }
    static std::string users(CredentialSource& source, const std::string& registry, const std::string& name) {
        std::string result;
        for (const Credential& credential : find(source, registry, name))
            result += (result.empty() ? "" : " ") + credential.username;
        return result;
    }
    static std::string faultOf(CredentialSource& source) {
        try {
            find(source, "reg.io", "a");
        } catch (const Error& error) {
            CPPUNIT_ASSERT(error.code() == ErrorCode::CredentialSourceFault);
            CPPUNIT_ASSERT_MESSAGE(error.what(), !error.hint().empty());
            return std::string(error.what()) + " [" + error.hint() + "]";
        }
        return {};
    }
    static void assertFault(CredentialSource& source, const std::string& expected) {
        const std::string text = faultOf(source);
        CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" lacks \"" + expected + "\"", text.find(expected) != std::string::npos);
    }

    std::unique_ptr<TemporaryDirectory> directory;
    std::string path;
    mode_t umask = 0;
    RecordingHost host;
};

CPPUNIT_TEST_SUITE_REGISTRATION(FileCredentialSourceTest);
