// SPDX-License-Identifier: Apache-2.0
// The bytes of a plugin are anybody's: cut and flipped everywhere, reading the note never does more than refuse.
#include "wasmproxy/plugin/PluginNoteReader.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Abi.h"

#include <cppunit/extensions/HelperMacros.h>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <memory>
#include <random>

using namespace wasmproxy;

class PluginNoteReaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginNoteReaderTest);
    CPPUNIT_TEST(readsTheNote);
    CPPUNIT_TEST(refusesEveryTruncation);
    CPPUNIT_TEST(survivesFlippedBytes);
    CPPUNIT_TEST(refusesBrokenFields);
    CPPUNIT_TEST(refusesOtherMachines);
    CPPUNIT_TEST(knowsNames);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        std::ifstream in(std::string(FIXTURES) + "/fixture_one.so", std::ios::binary);
        _elf.assign(std::istreambuf_iterator<char>(in), {});
        _note = _elf.find(std::string("wasmproxy\0\0\0", 12)) + 12;
        CPPUNIT_ASSERT(_note > 12 && _note < _elf.size());
    }

    void readsTheNote() {
        const auto identity = readPluginNote(_elf, "one.so");
        CPPUNIT_ASSERT_EQUAL(PluginNote::Revision, identity.revision);
        CPPUNIT_ASSERT_EQUAL(std::string(buildSignature()), identity.signature);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), identity.id);
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), identity.version);
        requireCompatible(identity, "one.so");
    }

    void refusesEveryTruncation() {
        std::mt19937 random(1);
        for (std::size_t size = 0; size < _elf.size(); size += size < 2048 ? 1 : 1 + random() % (_elf.size() / 500)) {
            // A copy of exactly that size: the sanitizer sees a read past its end.
            const std::unique_ptr<char[]> copy(new char[size]);
            std::memcpy(copy.get(), _elf.data(), size);
            CPPUNIT_ASSERT_THROW_MESSAGE(std::to_string(size), readPluginNote({copy.get(), size}, "x.so"), Error);
        }
    }

    void survivesFlippedBytes() {
        std::mt19937 random(2);
        const std::unique_ptr<char[]> copy(new char[_elf.size()]);
        int refused = 0;
        for (int round = 0; round < 2000; ++round) {
            std::memcpy(copy.get(), _elf.data(), _elf.size());
            // ELF header, program headers and the note, or anywhere.
            const std::size_t from = round % 3 == 1 ? _note - 24 : 0;
            const std::size_t span = round % 3 == 0 ? 1024 : round % 3 == 1 ? 24 + sizeof(PluginNote) : _elf.size();
            for (int i = 0; i <= round % 8; ++i)
                copy[from + random() % span] = static_cast<char>(random());
            try {
                readPluginNote({copy.get(), _elf.size()}, "x.so");
            } catch (const Error& e) {
                ++refused;
                CPPUNIT_ASSERT(e.code() == ErrorCode::PluginFault);
            }
        }
        CPPUNIT_ASSERT(refused > 200);
    }

    void refusesBrokenFields() {
        const auto refuse = [&](std::size_t offset, std::size_t size, char with, const std::string& text) {
            auto elf = _elf;
            std::memset(elf.data() + _note + offset, with, size);
            try {
                readPluginNote(elf, "x.so");
            } catch (const Error& e) {
                CPPUNIT_ASSERT_MESSAGE(e.what(), std::string(e.what()).find(text) != std::string::npos);
                return;
            }
            CPPUNIT_FAIL("not refused: " + text);
        };
        refuse(offsetof(PluginNote, size), 4, 1, "wrong size");
        refuse(offsetof(PluginNote, id), sizeof(PluginNote::id), 'a', "broken id");
        refuse(offsetof(PluginNote, id), sizeof(PluginNote::id), '\0', "broken id");
        refuse(offsetof(PluginNote, id), 1, 'A', "has the id 'Ane'");
        refuse(offsetof(PluginNote, id), 1, '\n', "broken id");
        refuse(offsetof(PluginNote, version), sizeof(PluginNote::version), '1', "broken version");
        refuse(offsetof(PluginNote, signature), 1, '\x1b', "broken build signature");
    }

    void refusesOtherMachines() {
        auto elf = _elf;
        elf[EI_CLASS] = ELFCLASS32;
        CPPUNIT_ASSERT_THROW(readPluginNote(elf, "x.so"), Error);
        elf = _elf;
        elf[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_RISCV);
        CPPUNIT_ASSERT_THROW(readPluginNote(elf, "x.so"), Error);
        elf = _elf;
        elf[offsetof(Elf64_Ehdr, e_type)] = ET_EXEC;
        CPPUNIT_ASSERT_THROW(readPluginNote(elf, "x.so"), Error);
    }

    void knowsNames() {
        for (const char* good : {"a", "my-registry", "s3", "a-"})
            CPPUNIT_ASSERT(isPluginName(good));
        for (const char* bad : {"", "A", "1a", "-a", "a_b", "a b", "a.b", "\xc3\xa9"})
            CPPUNIT_ASSERT(!isPluginName(bad));
        CPPUNIT_ASSERT(isPluginName(std::string(63, 'a')));
        CPPUNIT_ASSERT(!isPluginName(std::string(64, 'a')));
    }

private:
    std::string _elf;
    std::size_t _note = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginNoteReaderTest);
