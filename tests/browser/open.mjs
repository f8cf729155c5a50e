// What tests of the dashboard share: a browser, profiles that note what must not happen, a login, a day of visits.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { chromium } from 'playwright-core'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const binary = process.env.TEST_BINARY ?? path.join(repository, 'target/debug/fresnel')
export const screenshots = path.join(repository, 'target/screenshots')
export const PASSWORD = 'the first password of the tests'
const axe = await readFile(path.join(repository, 'node_modules/axe-core/axe.min.js'), 'utf8')

/** A browser whose `open` gives a profile of its own, with all that must not happen on any page. */
export async function startBrowser() {
  await mkdir(screenshots, { recursive: true })
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  return { open: (url, options) => open(browser, url, options), close: () => browser.close() }
}

async function open(browser, url, options = {}) {
  const profile = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  const page = await profile.newPage()
  const faults = []
  page.on('pageerror', (fault) => faults.push(String(fault.stack)))
  page.on('console', (message) => {
    // A browser itself notes each answer that is no success. Here 401 is meant to come, and a busy machine may answer 503,
    // after which the page asks again: that what was asked for is there in the end, each test waits for.
    if (message.type() === 'error' && !/status of (401|503)/.test(message.text())) faults.push(message.text())
  })
  page.on('response', async (answer) => {
    if (answer.status() === 503) console.log(`503 for ${answer.url()}: ${await answer.text().catch(() => '')}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(request.url())
  })
  await page.addInitScript(() => {
    globalThis.shifts = []
    globalThis.longTasks = []
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.hadRecentInput) globalThis.shifts.push(entry.value)
      }
    }).observe({ type: 'layout-shift', buffered: true })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.longTasks.push(Math.round(entry.duration))
    }).observe({ type: 'longtask', buffered: true })
  })
  return { profile, page, faults, close: () => profile.close() }
}

/** Serious findings of axe-core, each with the places. */
export async function seriousFindings(page) {
  // The policy of the page allows no scripts of others; the driver may evaluate all the same.
  await page.evaluate(axe)
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).slice(0, 3).join(' | ')}`)
}

/** Logs in, and waits for the page behind the login unless the password is a wrong one. */
export async function logIn(page, email = 'admin@localhost', password = PASSWORD, isRight = true) {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  // Whoever goes elsewhere before the answer is not logged in.
  if (isRight) await page.locator('h1').waitFor()
}

/** Waits until everything that was asked for is there. (The network is never idle: alerts are followed live.) */
export async function settled(page) {
  await page.locator('h1').waitFor()
  await page.waitForFunction(() => document.querySelector('main .skeleton, main .fresh-soon') === null)
}

/** How pages are looked at. */
export const LOOKS = {
  dark: { colorScheme: 'dark' },
  light: { colorScheme: 'light' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
}

/**
 * A page of somebody who is logged in, and at the end a look at what must not have happened. `as` may say who (`email`, `password`),
 * and which faults are meant to come (`expected`).
 */
export async function visit({ browser, url }, address, look, options = {}, as = {}) {
  const { page, faults, close } = await browser.open(url, options)
  await page.goto(url + address)
  await logIn(page, as.email, as.password)
  await look(page)
  assert.deepEqual(
    faults.filter((fault) => !as.expected?.test(fault)),
    [],
  )
  await close()
}

/** A picture of the whole page, to be looked at. */
export const shown = (page, name) => page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true })

/** That a page is accessible, and not wider than its window. */
export async function holdsUp(page, name) {
  await settled(page)
  await shown(page, name)
  assert.deepEqual(await seriousFindings(page), [], name)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.ok(wide <= 0, `${name}: nothing is wider than the window, but by ${wide} px`)
}

/** Sets the password of the first user, whom the admin token acts as. */
export async function setFirstPassword(fresnel) {
  const answer = await fetch(`${fresnel.url}/api/users/00000000-0000-0000-0000-000000000001`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${fresnel.adminToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ password: PASSWORD }),
  })
  assert.equal(answer.status, 200, await answer.text())
}

/** A day of visits, as `fresnel demo` tells it. */
export async function loadVisits(fresnel) {
  const demo = spawn(binary, ['demo', '--sessions', '120', '--url', fresnel.url], {
    cwd: repository,
    env: {
      ...process.env,
      FRESNEL_DATA_DIR: fresnel.dataDir,
      FRESNEL_BOOTSTRAP__INGEST_KEY: fresnel.ingestKey,
      FRESNEL_BOOTSTRAP__ADMIN_TOKEN: fresnel.adminToken,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (data) => (output += data))
  const [code] = await once(demo, 'close')
  assert.equal(code, 0, output)
}
