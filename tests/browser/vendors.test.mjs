// Third-party services in a real browser: one is added, watched, called, fails, is held against its target, and asked by hand.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { startVendor } from '../clients/vendor.mjs'
import { eventually, startFresnel } from '../fresnel.mjs'
import { holdsUp, LOOKS, seriousFindings, setFirstPassword, settled, shown, startBrowser, visit } from './open.mjs'

let fresnel, browser, site, vendor, isDown

before(async () => {
  vendor = await startVendor(() => (isDown ? { status: 503 } : { body: '{"balance": 5}' }))
  fresnel = await startFresnel({
    FRESNEL_QUOTA__API_PER_MINUTE: '0',
    FRESNEL_OUTBOUND__ALLOW_NETWORKS: '127.0.0.0/8',
    FRESNEL_INTEGRATIONS__PROBE_INTERVAL_S: '5',
    FRESNEL_FLUSH__MAX_WAIT_MS: '50',
  })
  await setFirstPassword(fresnel)
  browser = await startBrowser()
  site = { browser, url: fresnel.url }
})

after(async () => {
  await browser?.close()
  await fresnel?.stop()
  vendor?.stop()
})

const button = (page, name) => page.getByRole('button', { name, exact: true })

test('without a service each page says what to do next', async () => {
  await visit(site, '/integrations', async (page) => {
    for (const address of ['/integrations', '/sla']) {
      await page.goto(fresnel.url + address)
      await page.getByRole('heading', { name: 'No third-party service is watched yet' }).waitFor()
      await settled(page)
      await shown(page, `${address.slice(1)}-empty`)
      assert.deepEqual(await seriousFindings(page), [], address)
    }
    await page.goto(`${fresnel.url}/integrations/nobody`)
    await page.getByRole('heading', { name: 'There is no integration of this name' }).waitFor()
  })
})

test('a service is added, found healthy, called, goes down, and misses its target', async () => {
  const work = async (page) => {
    await button(page, 'Add a service').first().click()
    await page.getByLabel('Address', { exact: true }).fill('http://169.254.169.254/')
    await page.getByLabel('Key or token').fill('sk_hidden')
    await button(page, 'Add').click()
    await page.locator('.field-fault').first().waitFor()
    await page.getByLabel('Address', { exact: true }).fill(vendor.url)
    await button(page, 'Add').click()
    await page.getByText(/\/hooks\/stripe\/fh_/).waitFor()
    await button(page, 'Done').click()
    await page.getByRole('cell', { name: 'Healthy' }).waitFor({ timeout: 60_000 })

    const { secret } = await fresnel.manage('POST', '/api/keys', { kind: 'server', name: 'product', scopes: ['relay'] })
    const call = () =>
      fetch(`${fresnel.url}/relay/stripe/v1/balance`, { headers: { Authorization: `Bearer ${secret}` } })
    for (let at = 0; at < 5; at++) assert.equal((await call()).status, 200)
    isDown = true
    await eventually('the calls fail', async () => ((await call()).status === 503 ? true : undefined))
    await page.getByRole('cell', { name: /Down|Degraded/ }).waitFor({ timeout: 60_000 })

    await page.getByRole('row', { name: /Stripe/ }).click()
    await page.getByText('GET /v1/balance').waitFor()
    await button(page, 'Test').click()
    await page.getByText(/It says: failed/).waitFor()
    isDown = false
    await button(page, 'Set back').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Set back' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await button(page, 'Sync now').click()
    await page.getByText('There is nothing new').waitFor()

    await page.goto(`${fresnel.url}/sla`)
    await page.getByRole('cell', { name: 'Not kept', exact: true }).waitFor()
    await page.goto(`${fresnel.url}/sla/${new Date().toISOString().slice(0, 7)}`)
    await page.getByText('fresnel verify-evidence').waitFor()
  }
  // An address that leads where it must not is refused: the browser itself notes that.
  await visit(site, '/integrations', work, {}, { expected: /status of 422/ })
})

test('the pages hold up: dark, light, on a phone', async () => {
  const month = new Date().toISOString().slice(0, 7)
  for (const [look, options] of Object.entries(LOOKS)) {
    await visit(
      site,
      '/integrations',
      async (page) => {
        for (const address of ['/integrations', '/integrations/stripe', '/sla', `/sla/${month}`]) {
          await page.goto(fresnel.url + address)
          await page.getByText('Stripe').first().waitFor()
          await settled(page)
          await holdsUp(page, `${address.slice(1).replaceAll('/', '-')}-${look}`)
        }
      },
      options,
    )
  }
})

test('a service is changed, given another hook, and deleted when its name is typed', async () => {
  await visit(site, '/integrations/stripe', async (page) => {
    await button(page, 'Change').click()
    await page.getByLabel('Name', { exact: true }).fill('Payments')
    await page.getByLabel('Mean answer, at most ms').fill('700')
    await button(page, 'Save').click()
    await page.getByRole('heading', { name: 'Payments', level: 1 }).waitFor()
    await button(page, 'New hook').click()
    await page.getByRole('dialog').getByRole('button', { name: 'New hook' }).click()
    await page.getByText(/\/hooks\/stripe\/fh_/).waitFor()
    await page.keyboard.press('Escape')
    await page.goto(`${fresnel.url}/sla`)
    await page.getByText('at most 700 ms').waitFor()
    await page.goto(`${fresnel.url}/integrations/stripe`)
    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('textbox').fill('stripe')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'No third-party service is watched yet' }).waitFor()
  })
})
