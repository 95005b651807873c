// SPDX-License-Identifier: Apache-2.0
// A proxy-wasm host of the smallest kind: drives the filter as a proxy does and looks at what it asked for.
// node drive.mjs filter.wasm
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const OK = 0;
const BAD_ARGUMENT = 2;
const HTTP_RESPONSE_HEADERS = 2;
const CONTINUE = 0;

const module = new WebAssembly.Module(readFileSync(process.argv[2]));

// Whatever else it imported, a proxy might not have.
assert.deepEqual(WebAssembly.Module.imports(module), [
  { module: "env", name: "proxy_add_header_map_value", kind: "function" },
]);

let headers = [];
let memory;
const text = (at, size) => new TextDecoder().decode(new Uint8Array(memory.buffer, at, size));
const { exports } = new WebAssembly.Instance(module, {
  env: {
    proxy_add_header_map_value(map, key, keySize, value, valueSize) {
      if (map !== HTTP_RESPONSE_HEADERS) return BAD_ARGUMENT;
      headers.push([text(key, keySize), text(value, valueSize)]);
      return OK;
    },
  },
});
memory = exports.memory;
assert.ok(memory instanceof WebAssembly.Memory, "the memory is exported");
const abi = Object.keys(exports).filter((name) => name.startsWith("proxy_abi_version_"));
assert.deepEqual(abi, ["proxy_abi_version_0_2_1"]);

const root = 1;
exports.proxy_on_context_create(root, 0);
assert.equal(exports.proxy_on_vm_start(root, 0), 1);
assert.equal(exports.proxy_on_configure(root, 0), 1);

for (const stream of [2, 3]) {
  headers = [];
  exports.proxy_on_context_create(stream, root);
  assert.equal(exports.proxy_on_response_headers(stream, 5, 1), CONTINUE);
  assert.deepEqual(headers, [["x-wasm-proxy", "hello"]]);
  assert.equal(exports.proxy_on_done(stream), 1);
  exports.proxy_on_delete(stream);
}

// What the host is given to write into is memory, apart from all other, and an absurd wish is refused.
const pieces = [];
for (const allocate of [exports.proxy_on_memory_allocate, exports.malloc]) {
  for (const size of [1, 100, 70000]) {
    const start = allocate(size);
    assert.notEqual(start, 0);
    new Uint8Array(memory.buffer, start, size).fill(0xff);
    pieces.push([start, start + size]);
  }
  assert.equal(allocate(0xffffffff), 0);
}
pieces.sort((a, b) => a[0] - b[0]);
for (let i = 1; i < pieces.length; ++i) assert.ok(pieces[i - 1][1] <= pieces[i][0], "pieces overlap");
headers = [];
exports.proxy_on_response_headers(4, 0, 0);
assert.deepEqual(headers, [["x-wasm-proxy", "hello"]], "the filter's own data is intact");

console.log("the filter adds x-wasm-proxy: hello");
