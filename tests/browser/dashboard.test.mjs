// The dashboard in a real browser, over a service of its own: from the first login to the first event, then with data.
// Screenshots go to target/screenshots, to be looked at.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'

import { startFresnel } from '../fresnel.mjs'
import { loadVisits, logIn, PASSWORD, screenshots, seriousFindings, settled, startBrowser } from './open.mjs'

const LAYOUT_SHIFT_MAX = 0.1

let fresnel, browser, open

before(async () => {
  // With settings it is a service of its own, which nobody has posted to yet.
  fresnel = await startFresnel({ FRESNEL_QUOTA__API_PER_MINUTE: '100000' })
  browser = await startBrowser()
  open = (options) => browser.open(fresnel.url, options)
})

after(async () => {
  await browser?.close()
  await fresnel?.stop()
})

test('the admin token sets the first password, and the page that was wanted is there after it', async () => {
  const { page, faults, close } = await open()
  await page.goto(`${fresnel.url}/performance?range=7d`)
  await logIn(page, 'admin@localhost', 'not the password', false)
  await page.getByRole('alert').getByText('BAD_LOGIN').waitFor()
  assert.deepEqual(await seriousFindings(page), [])

  await page.getByRole('button', { name: /admin token/ }).click()
  await page.getByLabel('Admin token').fill(fresnel.adminToken)
  await page.getByLabel('New password').fill('short')
  await page.getByRole('button', { name: 'Set and log in' }).click()
  await page.locator('.field-fault').waitFor()
  await page.getByLabel('New password').fill(PASSWORD)
  await page.screenshot({ path: path.join(screenshots, 'first-login.png') })
  await page.getByRole('button', { name: 'Set and log in' }).click()
  await page.getByRole('heading', { name: 'Performance', level: 1 }).waitFor()
  assert.match(page.url(), /\/performance\?range=7d$/)
  await page.getByText('Nothing was measured in this range').waitFor()
  await page.screenshot({ path: path.join(screenshots, 'performance-empty.png'), fullPage: true })
  assert.deepEqual(await seriousFindings(page), [])
  assert.equal(await page.title(), 'Performance · Fresnel')
  assert.deepEqual(faults.filter((fault) => !fault.includes('422')), [])
  await close()
})

test('an empty project leads to its first event, which shows by itself', async (t) => {
  const { page, faults, close } = await open()
  await page.goto(fresnel.url)
  await logIn(page)
  await page.getByText('Waiting for your first event…').waitFor()
  await page.getByRole('button', { name: 'Make a key' }).click()
  const tag = await page.getByText('data-key="fk_').textContent()
  const key = /data-key="([^"]+)"/.exec(tag)[1]
  await page.screenshot({ path: path.join(screenshots, 'first-run.png'), fullPage: true })
  assert.deepEqual(await seriousFindings(page), [])

  const posted = await fetch(`${fresnel.url}/api/analytics/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ session_id: 'first', event_type: 'feature_discovery', event_data: { page: '/hello' } }),
  })
  assert.equal(posted.status, 202)
  const sentMs = Date.now()
  await page.getByText('Your first event is here').waitFor({ timeout: 30_000 })
  t.diagnostic(`the first event showed after ${Date.now() - sentMs} ms`)
  await page.getByText('Feature discovery').waitFor()
  await page.screenshot({ path: path.join(screenshots, 'first-event.png'), fullPage: true })
  await page.getByRole('button', { name: 'Show the dashboard' }).click()
  await page.getByRole('region', { name: 'By day' }).waitFor()
  assert.deepEqual(faults, [])
  await close()
})

test('with data both pages hold up: dark, light, on a phone; accessible, without shifts, faults or other hosts', async (t) => {
  await loadVisits(fresnel)
  for (const [name, options] of Object.entries({
    dark: { colorScheme: 'dark' },
    light: { colorScheme: 'light' },
    phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
  })) {
    const { page, faults, close } = await open(options)
    await page.goto(fresnel.url)
    await logIn(page)
    for (const [file, address, heading] of [
      ['overview', '/', 'By day'],
      ['performance', '/performance?compare=previous', 'Page load time'],
      ['performance-split', '/performance?range=7d&by=page', 'Page load time'],
    ]) {
      await page.goto(fresnel.url + address)
      await page.getByRole('region', { name: heading, exact: true }).locator('canvas').first().waitFor()
      await settled(page)
      await page.screenshot({ path: path.join(screenshots, `${file}-${name}.png`), fullPage: true })
      assert.deepEqual(await seriousFindings(page), [], `${file}, ${name}`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(wide <= 0, `${file}, ${name}: nothing is wider than the window, but by ${wide} px`)
      const { shifts, longTasks } = await page.evaluate(() => ({ shifts: globalThis.shifts, longTasks: globalThis.longTasks }))
      const shift = shifts.reduce((sum, value) => sum + value, 0)
      t.diagnostic(`${file}, ${name}: layout shift ${shift.toFixed(3)}, long tasks of ${longTasks.join(', ') || 'no'} ms`)
      assert.ok(shift < LAYOUT_SHIFT_MAX, `${file}, ${name}: things moved by ${shift}`)
    }
    assert.deepEqual(faults, [])
    await close()
  }
})

test('a page that stays open shows what comes within 10 seconds, also of a month, and asks for nothing', async (t) => {
  const { page, faults, close } = await open()
  const asked = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await page.goto(`${fresnel.url}/performance?range=30d`)
  await logIn(page)
  const events = page.getByRole('row', { name: /^Page load time/ }).locator(':nth-child(3)').first()
  await settled(page)
  const before = Number(await events.textContent())
  assert.ok(before > 0)
  asked.length = 0
  const posted = await fetch(`${fresnel.url}/api/analytics/performance/metrics`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${fresnel.ingestKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ type: 'page_load_time', value: 1, session_id: 'late', timestamp: new Date().toISOString() }),
  })
  assert.equal(posted.status, 202)
  const sentMs = Date.now()
  await page.waitForFunction(
    ([element, before]) => Number(element.textContent) === before + 1,
    [await events.elementHandle(), before],
    { timeout: 60_000 },
  )
  t.diagnostic(`the beacon was counted on the page after ${Date.now() - sentMs} ms`)
  assert.deepEqual(asked.filter((path) => path.startsWith('/api/analytics')), [])
  assert.deepEqual(faults, [])
  await close()
})

test('range, filters and zoom are in the address, and the back button returns', async () => {
  const { page, faults, close } = await open()
  await page.goto(`${fresnel.url}/performance`)
  await logIn(page)
  const chart = page.getByRole('region', { name: 'Page load time', exact: true })
  await chart.locator('canvas').first().waitFor()

  await page.getByRole('row', { name: /LCP/ }).click()
  await page.getByRole('region', { name: 'LCP', exact: true }).locator('canvas').first().waitFor()
  assert.match(page.url(), /metric=core_web_vitals\.LCP/)
  await page.getByLabel('Split by').selectOption('browser')
  await page.getByRole('region', { name: 'LCP by browser' }).getByRole('row', { name: /Chrome/ }).first().click()
  await page.getByRole('button', { name: /Remove the filter Browser is/ }).waitFor()
  assert.match(page.url(), /f\.browser=/)
  await page.goBack()
  assert.doesNotMatch(page.url(), /f\.browser=/)

  // `/` opens the filters; a value is taken by keys alone.
  await page.locator('h1').click()
  await page.keyboard.press('/')
  await page.getByRole('combobox', { name: 'Filter by' }).selectOption('device')
  await page.getByRole('combobox', { name: 'Device is' }).fill('mobile')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Remove the filter Device is mobile' }).waitFor()

  // The plot is another one when the lines are: it is dragged over when the answer is there.
  await settled(page)
  const plot = page.locator('.u-over').first()
  await plot.evaluate((element) => element.scrollIntoView({ block: 'center' }))
  const box = await plot.boundingBox()
  await page.mouse.move(box.x + box.width * 0.3, box.y + 60)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 5 })
  await page.mouse.up()
  await page.waitForURL(/from=.*to=/)
  await page.goBack()
  await page.waitForURL((url) => !url.searchParams.has('to'))

  await page.locator('h1').click()
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  await page.keyboard.press('o')
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
  assert.deepEqual(faults, [])
  await close()
})

test('a view that was saved is there again', async () => {
  const { page, faults, close } = await open()
  await page.goto(`${fresnel.url}/performance?range=7d&by=page`)
  await logIn(page)
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByLabel('Save what is shown as').fill('A week by page')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('Saved as “A week by page”').waitFor()
  await page.goto(`${fresnel.url}/performance`)
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByRole('button', { name: 'A week by page', exact: true }).click()
  await page.waitForURL(/range=7d&by=page/)
  assert.deepEqual(faults, [])
  await close()
})

test('logging out ends the session, and an ended session leads to the login wherever one is', async () => {
  const { profile, page, close } = await open()
  await page.goto(`${fresnel.url}/performance`)
  await logIn(page)
  await page.getByRole('button', { name: 'Admin', exact: true }).click()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('button', { name: 'Log in', exact: true }).waitFor()
  await logIn(page)
  await page.getByRole('region', { name: 'Metrics' }).first().waitFor()
  await profile.clearCookies()
  await page.getByRole('button', { name: '1 h', exact: true }).click()
  await page.getByRole('button', { name: 'Log in', exact: true }).waitFor()
  assert.match(page.url(), /range=1h/)
  await close()
})
