// SPDX-License-Identifier: Apache-2.0
// Runs every registered CppUnit test, or those whose name contains the first argument; one with "::" says how the name
// begins, so that no suite is taken for another whose name ends like its own.
#include <cppunit/BriefTestProgressListener.h>
#include <cppunit/CompilerOutputter.h>
#include <cppunit/Test.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

void addMatching(CppUnit::Test& test, const std::string& pattern, std::vector<CppUnit::Test*>& found) {
    if (test.getChildTestCount() == 0) {
        const auto at = test.getName().find(pattern);
        if (at == std::string::npos || (at != 0 && pattern.find("::") != std::string::npos)) return;
        found.push_back(&test);
        return;
    }
    for (int i = 0; i < test.getChildTestCount(); ++i)
        addMatching(*test.getChildTestAt(i), pattern, found);
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const std::unique_ptr<CppUnit::Test> all(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
    std::vector<CppUnit::Test*> tests;
    addMatching(*all, argc > 1 ? argv[1] : "", tests);
    CppUnit::TestResult result;
    CppUnit::TestResultCollector collector;
    CppUnit::BriefTestProgressListener progress;
    result.addListener(&collector);
    result.addListener(&progress);
    for (auto* test : tests)
        test->run(&result);
    CppUnit::CompilerOutputter(&collector, std::cerr).write();
    const auto failed = collector.testFailuresTotal();
    std::cout << static_cast<int>(tests.size()) - failed << " passed, " << failed << " failed" << std::endl;
    return failed == 0 && !tests.empty() ? 0 : 1;
}
