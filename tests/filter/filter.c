// SPDX-License-Identifier: Apache-2.0
// A proxy-wasm filter without SDK or libc: adds `x-wasm-proxy: hello` to every response.
// Source: proxy-wasm ABI 0.2.1, github.com/proxy-wasm/spec.

typedef unsigned int u32;

#define EXPORT(name) __attribute__((export_name(#name)))
#define HOST(name) __attribute__((import_module("env"), import_name(#name)))

enum { HttpResponseHeaders = 2 }; // proxy_map_type_t
enum { Continue = 0 };            // proxy_action_t
enum { PageBytes = 65536 };

HOST(proxy_add_header_map_value)
u32 proxy_add_header_map_value(u32 map, const char* key, u32 keySize, const char* value, u32 valueSize);

// A marker that is never called: hosts find the ABI by its name.
EXPORT(proxy_abi_version_0_2_1) void abiVersion(void) {}

// The host writes into memory that it gets from here. This filter asks for no data, so little is ever wanted and
// nothing is freed; 0 says that there is no more.
extern char __heap_base;
static u32 top;

EXPORT(proxy_on_memory_allocate) void* onMemoryAllocate(u32 size) {
    if (top == 0) top = (u32)&__heap_base;
    const u32 start = (top + 15u) & ~15u;
    if (size > 0x7fffffffu - start) return 0;
    const u32 end = start + size;
    const u32 have = __builtin_wasm_memory_size(0);
    const u32 want = (end + PageBytes - 1) / PageBytes;
    if (want > have && __builtin_wasm_memory_grow(0, want - have) == (unsigned long)-1) return 0;
    top = end;
    return (void*)start;
}

// Older hosts know only this name.
EXPORT(malloc) void* allocate(u32 size) {
    return onMemoryAllocate(size);
}

EXPORT(proxy_on_vm_start) u32 onVmStart(u32 unused, u32 configurationSize) {
    (void)unused, (void)configurationSize;
    return 1;
}

EXPORT(proxy_on_configure) u32 onConfigure(u32 context, u32 configurationSize) {
    (void)context, (void)configurationSize;
    return 1;
}

EXPORT(proxy_on_context_create) void onContextCreate(u32 context, u32 parent) {
    (void)context, (void)parent;
}

EXPORT(proxy_on_response_headers) u32 onResponseHeaders(u32 context, u32 headers, u32 endOfStream) {
    static const char key[] = "x-wasm-proxy";
    static const char value[] = "hello";
    (void)context, (void)headers, (void)endOfStream;
    proxy_add_header_map_value(HttpResponseHeaders, key, sizeof key - 1, value, sizeof value - 1);
    return Continue;
}

EXPORT(proxy_on_done) u32 onDone(u32 context) {
    (void)context;
    return 1;
}

EXPORT(proxy_on_delete) void onDelete(u32 context) {
    (void)context;
}
