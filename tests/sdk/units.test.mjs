// The parts of the browser SDK that need no browser, its size, and its package.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { CORE_GZIP_BYTES_MAX, sizeOf } from '../../sdk/size.mjs'

const sdk = fileURLToPath(new URL('../../sdk', import.meta.url))

/** A module of the SDK: node does not run TypeScript. */
async function load(entry) {
  const { code } = await sizeOf(entry)
  return import(`data:text/javascript,${encodeURIComponent(code)}`)
}

test('the core is at most 4 KiB with gzip', async () => {
  const { gzip } = await sizeOf('fresnel')
  assert.ok(gzip <= CORE_GZIP_BYTES_MAX, `${gzip} bytes`)
})

test('ids in addresses become :id, query and fragment go, a foreign origin stays', async () => {
  const { endpointOf } = await load('endpoint')
  const of = (address) => endpointOf(new URL(address), 'https://shop.example')
  assert.equal(of('https://shop.example/api/orders/123/items?token=x#y'), '/api/orders/:id/items')
  assert.equal(of('https://shop.example/a/0f8fad5b-d9cb-469f-a165-70867728950e'), '/a/:id')
  assert.equal(of('https://shop.example/commit/9f86d081884c7d65'), '/commit/:id')
  assert.equal(of('https://shop.example/v2/defaced/feedback'), '/v2/defaced/feedback')
  assert.equal(of('https://other.example/a/1'), 'https://other.example/a/:id')
})

test('delays grow, end at a minute, differ by chance, and are never shorter than the service asks', async () => {
  const { delayMs } = await load('backoff')
  for (let failures = 1; failures < 30; failures++) {
    const [least, most] = [delayMs(failures, null, 0), delayMs(failures, null, 1)]
    assert.equal(most, 2 * least)
    assert.equal(most, Math.min(60_000, 1_000 * 2 ** (failures - 1)))
    assert.ok(delayMs(failures, '7', 0) >= 7_000)
  }
  assert.ok(delayMs(1, 'soon', 0) > 0)
})

test('batches keep the order of their items, hold all of them, and are never too large', async () => {
  const { BATCH_BYTES_MAX, bodyOf, bytesOf, cut, lostOf } = await load('batch')
  const items = Array.from({ length: 2_000 }, (_, index) => {
    const json = JSON.stringify({ index, text: 'ü'.repeat((index * 37) % 900) })
    return [index % 2 ? 'metric' : 'event', json, bytesOf(json)]
  })
  const batches = cut(items)
  assert.deepEqual(batches.flat(), items)
  const lost = { metric: 1_000_000, event: 1_000_000, funnel: 1_000_000, alert: 1_000_000 }
  for (const part of batches) {
    const body = bodyOf({ items: part, lost }, Date.now())
    assert.ok(bytesOf(body) <= BATCH_BYTES_MAX)
    assert.equal(JSON.parse(body).items.length, part.length)
    assert.ok(part.length <= 500)
  }
  assert.deepEqual(lostOf(items), { event: 1_000, metric: 1_000 })
  assert.deepEqual(cut([]), [])
})

test('a session ends after half an hour without events, and is shared by pages of the site', async () => {
  const { isSampled, sessions } = await load('session')
  const kept = new Map()
  const store = { get: (name) => kept.get(name) ?? null, set: (name, value) => kept.set(name, value) }
  const minute = 60_000
  const one = sessions(store, 'session')
  const id = one(0)
  assert.equal(one(29 * minute), id)
  assert.equal(sessions(store, 'session')(50 * minute), id)
  const next = one(81 * minute)
  assert.notEqual(next, id)
  assert.equal(sessions(store, 'session')(82 * minute), next)
  // Without a store.
  const own = sessions({ get: () => null, set: () => false }, 'session')
  assert.equal(own(0), own(20 * minute))
  assert.ok(isSampled(id, 1) && !isSampled(id, 0))
})

test('the package holds what its exports name, and types, and nothing of the script tag', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: sdk, encoding: 'utf8' }))
  const names = files.map((file) => file.path)
  for (const name of ['fresnel.js', 'fresnel.d.ts', 'vitals.js', 'vitals.d.ts']) {
    assert.ok(names.includes(`dist/npm/${name}`), name)
  }
  assert.ok(names.includes('README.md'))
  assert.ok(!names.some((name) => name.endsWith('.gz') || name.endsWith('.br') || name === 'dist/fresnel.js'))
  assert.ok(existsSync(`${sdk}/dist/fresnel.js`))
})

test('the package can be loaded where there is no window', async () => {
  const fresnel = await import(`${sdk}/dist/npm/fresnel.js`)
  fresnel.init({ endpoint: 'https://telemetry.example', key: 'fri_x' })
  fresnel.event('image_upload')
  await fresnel.flush()
  fresnel.close()
})
