// SPDX-License-Identifier: Apache-2.0
#include "Fault.h"

namespace wasmproxy::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Scene = Fault::Scene;

constexpr milliseconds Before{-1000};

System::Options upstreamFault() {
    System::Options options;
    options.throughFront = true;
    return options;
}

/// Both replicas have served the module before, and what they believe of the tag has expired.
std::vector<Fault::Event> deletedTag() {
    return {{milliseconds(-3500), [](Scene& scene) { scene.system.serveOnce(scene.modules.front()); }},
            {Before, [](Scene& scene) { scene.upstream.removeTag(scene.modules.front()); }}};
}

std::vector<Fault> make() {
    std::vector<Fault> faults;
    {
        Fault fault{"limited", "upstream 429 for 21 s",
                    "-1 s to 20 s: every answer 429, Retry-After: the seconds left"};
        fault.events = {{Before, [](Scene& scene) { scene.upstream.front.limit(scene.push + seconds(20)); }},
                        {seconds(20), [](Scene& scene) { scene.upstream.front.pass(); }}};
        fault.system = upstreamFault();
        faults.push_back(fault);
    }
    {
        Fault fault{"outage", "upstream down for 25 s", "-1 s to 24 s: connections refused, open ones reset"};
        fault.events = {{Before, [](Scene& scene) { scene.upstream.front.refuse(); }},
                        {seconds(24), [](Scene& scene) { scene.upstream.front.pass(); }}};
        fault.system = upstreamFault();
        faults.push_back(fault);
    }
    {
        Fault fault{"slow", "upstream 5 s slow", "from -1 s on: every request waits 5 s before the registry sees it"};
        fault.events = {{Before, [](Scene& scene) { scene.upstream.front.delay(seconds(5)); }}};
        fault.system = upstreamFault();
        faults.push_back(fault);
    }
    {
        Fault fault{"password", "wrong, then right password",
                    "until 10 s whoever holds the registry's password holds a wrong one; agents that hold it "
                    "themselves are pushed the right one then"};
        fault.events = {{seconds(10), [](Scene& scene) { scene.system.correctPassword(); }}};
        fault.corrected = seconds(10);
        fault.system = upstreamFault();
        fault.system.passwordRight = false;
        faults.push_back(fault);
    }
    {
        Fault fault{"tag-deleted", "tag deleted",
                    "-3.5 s: each replica has served it once; -1 s: the tag is deleted for good; tag-ttl is 1 s"};
        fault.events = deletedTag();
        fault.system.route = "tag-ttl = 1s";
        faults.push_back(fault);
    }
    {
        Fault fault{"tag-deleted-pinned", "tag deleted, URL with digest", "the same, the URL has tag and digest"};
        fault.events = deletedTag();
        fault.system.route = "tag-ttl = 1s";
        fault.system.pinned = true;
        faults.push_back(fault);
    }
    {
        Fault fault{"killed", "one of two replicas killed", "0.5 s: SIGKILL; it stays away"};
        fault.events = {{milliseconds(500), [](Scene& scene) { scene.system.kill(0); }}};
        faults.push_back(fault);
    }
    {
        Fault fault{"restarted", "both replicas restarted, one after the other",
                    "0.3 s: SIGTERM to the first; once it is up and ready again, to the second"};
        fault.events = {{milliseconds(300), [](Scene& scene) {
                             scene.system.restart(0);
                             scene.system.restart(1);
                         }}};
        faults.push_back(fault);
    }
    {
        Fault fault{"drain", "cold caches after a node drain",
                    "-3 s: both replicas end and lose their caches; they are started again at once, and the agents "
                    "want ten different modules"};
        fault.events = {{milliseconds(-3000), [](Scene& scene) {
                             scene.system.drain();
                             scene.system.comeBack();
                         }}};
        fault.modules = 10;
        faults.push_back(fault);
    }
    {
        Fault fault{"link", "link of 100 MB/s, 2 MiB module", "all answers to agents share 100 MB/s: 21 s for 2.1 GB"};
        fault.moduleBytes = 2 << 20;
        fault.linkRate = 100e6;
        faults.push_back(fault);
    }
    {
        Fault fault{"large", "20 MiB module", "21 GB over loopback"};
        fault.moduleBytes = std::size_t(20) << 20;
        faults.push_back(fault);
    }
    return faults;
}

} // namespace

const std::vector<Fault>& allFaults() {
    static const std::vector<Fault> faults = make();
    return faults;
}

} // namespace wasmproxy::test
