// SPDX-License-Identifier: Apache-2.0
// Runs every registered CppUnit test, or those whose name contains the first argument; one with "::" says how the name
// begins, so that no suite is taken for another whose name ends like its own.
#include <cppunit/BriefTestProgressListener.h>
#include <cppunit/CompilerOutputter.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/TestRunner.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <csignal>
#include <iostream>
#include <string>

namespace {

void addMatching(CppUnit::Test* test, const std::string& pattern, CppUnit::TestRunner& runner, int& count) {
    if (test->getChildTestCount() == 0) {
        const auto at = test->getName().find(pattern);
        if (at == std::string::npos || (at != 0 && pattern.find("::") != std::string::npos)) return;
        runner.addTest(test);
        ++count;
        return;
    }
    for (int i = 0; i < test->getChildTestCount(); ++i)
        addMatching(test->getChildTestAt(i), pattern, runner, count);
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    // Owned by nobody on purpose: the runner below owns the leaves that it is given.
    CppUnit::Test* all = CppUnit::TestFactoryRegistry::getRegistry().makeTest();
    CppUnit::TestRunner runner;
    int count = 0;
    addMatching(all, argc > 1 ? argv[1] : "", runner, count);
    CppUnit::TestResult result;
    CppUnit::TestResultCollector collector;
    CppUnit::BriefTestProgressListener progress;
    result.addListener(&collector);
    result.addListener(&progress);
    runner.run(result);
    CppUnit::CompilerOutputter(&collector, std::cerr).write();
    std::cout << count - collector.testFailuresTotal() << " passed, " << collector.testFailuresTotal() << " failed\n";
    std::cout.flush();
    std::_Exit(collector.wasSuccessful() && count > 0 ? 0 : 1);
}
