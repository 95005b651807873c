// SPDX-License-Identifier: Apache-2.0
#include "dataplane/BodyAdmission.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using wasmproxy::host::BodyAdmission;
using namespace std::chrono_literals;

constexpr std::uint64_t MiB = 1 << 20;

/// Agents before a link that is shared fairly: each has 15 s for an attempt, five attempts and 30 s in all, and comes
/// back a second after a 503. Time is steps of 20 ms.
struct Mesh {
    struct Agent {
        double asked = 0;    // when the present attempt began
        double takes = 1e12; // bytes per second at most
        double rest = 0;     // of a body on its way
        double began = 0;
        int attempts = 1;
        bool sending = false;
        bool aside = false;
        bool pausing = false;
        bool served = false;
        bool failed = false;
        double servedAt = 0;
    };
    double capacity;
    double size;
    std::vector<Agent> agents;
    BodyAdmission admission;
    double now = 0;

    Mesh(std::size_t count, double bytes, double bytesPerSecond, bool batches)
        : capacity(bytesPerSecond), size(bytes), agents(count), admission(limits(batches)) {}

    static BodyAdmission::Limits limits(bool batches) {
        BodyAdmission::Limits limits;
        limits.enabled = batches;
        return limits;
    }
    static BodyAdmission::Clock::duration duration(double seconds) {
        return std::chrono::duration_cast<BodyAdmission::Clock::duration>(std::chrono::duration<double>(seconds));
    }

    void step() {
        constexpr double Step = 0.02;
        for (auto& agent : agents) {
            if (agent.served || agent.failed || agent.sending) continue;
            if (agent.pausing && now < agent.asked) continue;
            agent.pausing = false;
            if (now - agent.asked >= 12) {
                again(agent);
            } else if (admission.admit(static_cast<std::uint64_t>(size), duration(now - agent.asked))) {
                agent.sending = true;
                agent.rest = size;
                agent.began = now;
            }
        }
        carry(Step);
        now += Step;
        for (auto& agent : agents)
            if (agent.sending) look(agent);
        if (static_cast<int>(now / Step + 0.5) % 5 == 0)
            admission.measure(BodyAdmission::Clock::time_point(1h) + duration(now));
    }

    void carry(double time) {
        double left = capacity * time;
        std::vector<Agent*> taking;
        for (auto& agent : agents)
            if (agent.sending) taking.push_back(&agent);
        std::sort(taking.begin(), taking.end(), [&](auto* a, auto* b) { return need(*a, time) < need(*b, time); });
        for (std::size_t i = 0; i < taking.size(); ++i) {
            const double share = std::min(need(*taking[i], time), left / static_cast<double>(taking.size() - i));
            left -= share;
            taking[i]->rest -= share;
            admission.arrived(static_cast<std::uint64_t>(share), !taking[i]->aside);
        }
    }
    static double need(const Agent& agent, double time) { return std::min(agent.rest, agent.takes * time); }

    void look(Agent& agent) {
        const double age = now - agent.began;
        if (agent.rest < 1) {
            agent.sending = false;
            agent.served = true;
            agent.servedAt = now;
        } else if (now - agent.asked >= 15) {
            if (!agent.aside) admission.left(static_cast<std::uint64_t>(agent.rest));
            agent.sending = false;
            agent.failed = true; // a body that is cut after 200 is final
        } else if (!agent.aside && admission.isSlow(static_cast<std::uint64_t>(agent.rest),
                                                    static_cast<std::uint64_t>(size - agent.rest), duration(age))) {
            admission.setAside(static_cast<std::uint64_t>(agent.rest));
            agent.aside = true;
        }
    }

    void again(Agent& agent) {
        agent.asked = now + 1;
        agent.pausing = true;
        if (++agent.attempts > 5 || agent.asked > 30) agent.failed = true;
    }

    std::size_t served() const {
        return static_cast<std::size_t>(
            std::count_if(agents.begin(), agents.end(), [](const Agent& agent) { return agent.served; }));
    }
    void run(double until) {
        while (now < until)
            step();
    }
};

class BodyAdmissionTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BodyAdmissionTest);
    CPPUNIT_TEST(aFullLinkServesWhatItCarriesInsteadOfNobody);
    CPPUNIT_TEST(whatTheLinkCarriesIsNotHeldUp);
    CPPUNIT_TEST(aFastLinkIsNotDelayed);
    CPPUNIT_TEST(aSlowClientHoldsUpNobody);
    CPPUNIT_TEST(idleTimeIsNoMeasurement);
    CPPUNIT_TEST(aLinkThatBecomesSlowerIsNoticed);
    CPPUNIT_TEST(aLinkThatOthersComeToFailsNobody);
    CPPUNIT_TEST(oneMayAlwaysGo);
    CPPUNIT_TEST(switchedOffAllGo);
    CPPUNIT_TEST_SUITE_END();

public:
    void aFullLinkServesWhatItCarriesInsteadOfNobody() {
        Mesh without(1000, 20.0 * MiB, 100e6, false);
        without.run(40);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), without.served());
        Mesh batches(1000, 20.0 * MiB, 100e6, true);
        batches.run(40);
        // 30 s of the link are 143 bodies.
        CPPUNIT_ASSERT_MESSAGE(std::to_string(batches.served()), batches.served() >= 95);
    }

    void whatTheLinkCarriesIsNotHeldUp() {
        Mesh mesh(1000, 1.0 * MiB, 100e6, true);
        mesh.run(30);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1000), mesh.served());
        for (const auto& agent : mesh.agents)
            CPPUNIT_ASSERT(agent.servedAt < 12.5 && agent.attempts == 1);
    }

    void aFastLinkIsNotDelayed() {
        Mesh mesh(2000, 1.0 * MiB, 2e9, true);
        mesh.run(5);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2000), mesh.served());
        for (const auto& agent : mesh.agents)
            CPPUNIT_ASSERT(agent.servedAt < 1.6); // all of it takes 1.05 s
    }

    void aSlowClientHoldsUpNobody() {
        Mesh mesh(300, 4.0 * MiB, 1e9, true);
        for (std::size_t i = 0; i < 100; ++i)
            mesh.agents[i].takes = 20e3;
        for (std::size_t i = 100; i < 300; ++i)
            mesh.agents[i].asked = 5, mesh.agents[i].pausing = true;
        mesh.run(9);
        CPPUNIT_ASSERT_EQUAL(std::size_t(200), mesh.served());
        for (std::size_t i = 100; i < 300; ++i)
            CPPUNIT_ASSERT(mesh.agents[i].servedAt < 7.5);
    }

    void idleTimeIsNoMeasurement() {
        Mesh mesh(500, 1.0 * MiB, 200e6, true);
        mesh.run(10);
        const double before = mesh.admission.rate();
        CPPUNIT_ASSERT(before > 150e6 && before < 250e6);
        mesh.run(60);
        CPPUNIT_ASSERT_EQUAL(before, mesh.admission.rate());
    }

    void aLinkThatBecomesSlowerIsNoticed() {
        Mesh mesh(4000, 1.0 * MiB, 400e6, true);
        mesh.run(4);
        CPPUNIT_ASSERT(mesh.admission.rate() > 300e6);
        mesh.capacity = 50e6;
        mesh.run(9);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(mesh.admission.rate()), mesh.admission.rate() < 80e6);
    }

    /// Another replica begins to send over the same link: what was begun takes twice the time that was thought.
    void aLinkThatOthersComeToFailsNobody() {
        Mesh mesh(550, 2.0 * MiB, 100e6, true);
        mesh.run(1.5);
        mesh.capacity = 50e6;
        mesh.run(40);
        CPPUNIT_ASSERT_EQUAL(std::size_t(550), mesh.served());
    }

    void oneMayAlwaysGo() {
        BodyAdmission::Limits limits;
        limits.always = MiB;
        BodyAdmission admission(limits);
        CPPUNIT_ASSERT(admission.admit(500 * MiB, 11s));
        CPPUNIT_ASSERT(!admission.admit(MiB, 0s));
        CPPUNIT_ASSERT_EQUAL(500 * MiB, admission.onTheirWay());
        admission.left(500 * MiB);
        CPPUNIT_ASSERT(admission.admit(500 * MiB, 14s));
    }

    void switchedOffAllGo() {
        BodyAdmission admission(Mesh::limits(false));
        for (int i = 0; i < 1000; ++i)
            CPPUNIT_ASSERT(admission.admit(500 * MiB, 14s));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BodyAdmissionTest);

} // namespace
