// What the relay adds to a call: the same calls at the same pace, straight to a vendor on loopback and through the relay, side by side, so
// that what the machine does meanwhile is in both; and answers that the relay gives again. docs/benchmarks.md tells how to read the figures.
//
//   node benches/relay.mjs [--binary target/release/fresnel] [--rate 500] [--seconds 10] [--rounds 3]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const repository = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    binary: { type: 'string', default: path.join(repository, 'target/release/fresnel') },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
  },
})
process.env.TEST_BINARY = path.resolve(values.binary)
const { startFresnel } = await import('../tests/fresnel.mjs')
const rate = Math.min(Number(values.rate), 5_000)
const seconds = Math.min(Number(values.seconds), 60)

const folder = await mkdtemp(path.join(tmpdir(), 'fresnel-relay-'))
// In a process of its own, that remembers nothing: its pauses would be taken for the relay's.
const vendor = await startVendor(`
  require('node:http')
    .createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
      request.resume()
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.end('{"ok":true}')
    })
    .listen(0, '127.0.0.1', function () { process.stdout.write(String(this.address().port)) })`)
const catalogue = path.join(folder, 'catalogue.toml')
await writeFile(
  catalogue,
  `[[services]]
id = "bench"
name = "Bench"
category = "bench"
sync = "manual"
base_url = "${vendor.url}"
[services.caching]
paths = [{ path = "/kept", seconds = 3600 }]
`,
)
const fresnel = await startFresnel({
  FRESNEL_OUTBOUND__ALLOW_NETWORKS: '127.0.0.0/8',
  FRESNEL_QUOTA__API_PER_MINUTE: '0',
  // Connections rest while another way is measured.
  FRESNEL_SERVER__KEEP_ALIVE_MS: '120000',
  FRESNEL_QUOTA__EXTERNAL_PER_MINUTE: '0',
  FRESNEL_INTEGRATIONS__CATALOGUE_FILE: catalogue,
  // As it is by default; tests run engines as the equals of what runs beside them.
  FRESNEL_ENGINE__NICENESS: '19',
})

async function startVendor(program) {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(child.stdout, 'data')
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 20 })

function call(url, headers) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const request = http.get(url, { agent, headers }, (response) => {
      const tookMs = performance.now() - begun
      response.resume()
      response.on('end', () =>
        response.statusCode === 200 ? resolve(tookMs) : reject(new Error(`${url}: ${response.statusCode}`)),
      )
    })
    request.on('error', reject)
  })
}

/** Calls all ways at a pace, whatever the answers take; gives each way's times until the head of the answer, in order. */
async function paced(ways) {
  const calls = ways.map(() => [])
  const begun = performance.now()
  for (let number = 0; number < rate * seconds; number++) {
    const due = begun + (number * 1_000) / rate
    const wait = due - performance.now()
    if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait))
    // None is always the first.
    for (const place of number % 2 ? ways.keys() : [...ways.keys()].reverse()) calls[place].push(call(...ways[place]))
  }
  return Promise.all(calls.map(async (of) => (await Promise.all(of)).sort((a, b) => a - b)))
}

const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]
const ms = (value) => value.toFixed(2)

try {
  await fresnel.manage('POST', '/api/integrations', { service: 'bench', authorization: { kind: 'none' } })
  const { secret } = await fresnel.manage('POST', '/api/keys', { kind: 'server', name: 'bench', scopes: ['relay'] })
  const headers = { Authorization: `Bearer ${secret}` }
  const direct = [`${vendor.url}/plain`, {}]
  const relayed = [`${fresnel.url}/relay/bench/plain`, headers]
  const kept = [`${fresnel.url}/relay/bench/kept`, headers]
  // Connections and answers that are kept are there before anything is measured.
  for (const way of [direct, relayed, kept]) await Promise.all(Array.from({ length: 50 }, () => call(...way)))
  console.log(`${rate} calls a second each way for ${seconds} s, times until the head of the answer in ms`)
  console.log('round  direct p50  p99   relayed p50  p99   relay adds p50  p99   kept p50  p99')
  for (let round = 1; round <= Math.min(Number(values.rounds), 20); round++) {
    const [straight, carried] = await paced([direct, relayed])
    const [again] = await paced([kept])
    const both = (times) => `${ms(at(times, 0.5))}  ${ms(at(times, 0.99))}`
    const adds = [0.5, 0.99].map((share) => ms(at(carried, share) - at(straight, share))).join('  ')
    console.log(`${round}      ${both(straight)}   ${both(carried)}   ${adds}   ${both(again)}`)
  }
} finally {
  agent.destroy()
  await fresnel.stop()
  vendor.stop()
  await rm(folder, { recursive: true, force: true })
}
