// What the dashboard's pages cost a browser: until all of a page is there, with answers that nobody has asked for before and with kept
// ones; its longest task, how far things move, and how much script it loads. docs/benchmarks.md tells how to read the figures.
//
//   node benches/pages.mjs --data-dir DIR [--binary target/release/fresnel] [--rounds 20]
//
// The folder was filled by `fresnel demo --events N`, and no service runs on it. Needs what `make test` installs.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { logIn, setFirstPassword, settled, startBrowser } from '../tests/browser/open.mjs'

const repository = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    binary: { type: 'string', default: path.join(repository, 'target/release/fresnel') },
    rounds: { type: 'string', default: '20' },
  },
})
if (!values['data-dir']) throw new Error('--data-dir is required')
const rounds = Number(values.rounds)

const PAGES = {
  'overview (the first page)': '/',
  'performance, a day': '/performance',
  'performance, a week in 10 series': '/performance?range=7d&by=page',
  'web vitals, a day': '/vitals',
  'funnels, a day': '/funnels',
}
const adminToken = 'the-admin-token-of-the-measurement-of-pages'

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

async function startService() {
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn(values.binary, ['serve'], {
    cwd: repository,
    env: {
      ...process.env,
      FRESNEL_DATA_DIR: path.resolve(values['data-dir']),
      FRESNEL_SERVER__LISTEN: url.slice('http://'.length),
      FRESNEL_BOOTSTRAP__ADMIN_TOKEN: adminToken,
      FRESNEL_QUOTA__API_PER_MINUTE: '0',
    },
    stdio: 'ignore',
  })
  const headers = { Authorization: `Bearer ${adminToken}` }
  const deadline = Date.now() + 120_000
  for (;;) {
    const stats = await fetch(`${url}/api/dashboard/stats`, { headers }).catch(() => undefined)
    if (stats?.ok) break
    if (Date.now() > deadline || child.exitCode !== null) {
      child.kill('SIGKILL')
      throw new Error('the service does not answer')
    }
    await new Promise((done) => setTimeout(done, 200))
  }
  return { url, adminToken, headers, stop: async () => (child.kill('SIGTERM'), await once(child, 'exit')) }
}

/** Looks at a page as somebody who has never been there: what it took, and what it did. */
async function look(browser, service, address, session) {
  const { page, close } = await browser.open(service.url, { storageState: session })
  let scriptBytes = 0
  page.on('requestfinished', async (request) => {
    if (request.resourceType() !== 'script') return
    const sizes = await request.sizes().catch(() => undefined)
    scriptBytes += sizes?.responseBodySize ?? 0
  })
  const startedMs = performance.now()
  await page.goto(service.url + address)
  await settled(page)
  const tookMs = performance.now() - startedMs
  // What comes behind the first picture counts too.
  await page.waitForTimeout(500)
  const { shifts, longTasks } = await page.evaluate(() => ({ shifts: globalThis.shifts, longTasks: globalThis.longTasks }))
  await close()
  return { tookMs, scriptBytes, longestMs: Math.max(0, ...longTasks), shift: shifts.reduce((sum, value) => sum + value, 0) }
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
const sortedBy = (looks, field) => looks.map((one) => one[field]).sort((a, b) => a - b)

const service = await startService()
const browser = await startBrowser()
try {
  await setFirstPassword(service)
  const first = await browser.open(service.url)
  await first.page.goto(service.url)
  await logIn(first.page)
  const session = await first.profile.storageState()
  await first.close()

  const rows = []
  for (const [name, address] of Object.entries(PAGES)) {
    await look(browser, service, address, session)
    const [fresh, kept] = [[], []]
    for (let round = 0; round < rounds; round += 1) {
      await fetch(`${service.url}/api/cache`, { method: 'DELETE', headers: service.headers })
      fresh.push(await look(browser, service, address, session))
      kept.push(await look(browser, service, address, session))
    }
    const [freshMs, keptMs] = [sortedBy(fresh, 'tookMs'), sortedBy(kept, 'tookMs')]
    const all = [...fresh, ...kept]
    rows.push({
      page: name,
      'new answers p50 / max, ms': `${at(freshMs, 0.5).toFixed(0)} / ${freshMs.at(-1).toFixed(0)}`,
      'kept p50 / max, ms': `${at(keptMs, 0.5).toFixed(0)} / ${keptMs.at(-1).toFixed(0)}`,
      'longest task, ms': sortedBy(all, 'longestMs').at(-1),
      'layout shift': sortedBy(all, 'shift').at(-1).toFixed(3),
      'script, KB': (sortedBy(all, 'scriptBytes').at(-1) / 1000).toFixed(0),
    })
  }
  console.table(rows)
} finally {
  await browser.close()
  await service.stop()
}
