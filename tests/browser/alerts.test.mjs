// Alerts in a real browser: from a rule that is tried against the past to a webhook, an acknowledgement and a replay.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'

import { startReceiver, startTelling } from '../clients/alerting.mjs'
import { eventually } from '../fresnel.mjs'
import { holdsUp, loadVisits, LOOKS, screenshots, seriousFindings, setFirstPassword, startBrowser, visit } from './open.mjs'

const TABS = ['alerts', 'rules', 'silences', 'channels', 'deliveries']
const ENDPOINT = '/api/checkout'

let fresnel, receiver, browser, site

before(async () => {
  fresnel = await startTelling()
  receiver = await startReceiver()
  await setFirstPassword(fresnel)
  browser = await startBrowser()
  site = { browser, url: fresnel.url }
})

after(async () => {
  await browser?.close()
  await fresnel?.stop()
  await receiver?.stop()
})

const button = (page, name) => page.getByRole('button', { name, exact: true })

test('without anything wrong each part says so, and what to do next', async () => {
  await visit(site, '/alerts', async (page) => {
    for (const [tab, words] of [
      ['alerts', 'Nothing is wrong'],
      ['silences', 'Nothing is silenced'],
      ['channels', 'Nobody is told yet'],
      ['deliveries', 'Nothing was told yet'],
    ]) {
      await page.goto(`${fresnel.url}/alerts?tab=${tab}`)
      await page.getByRole('heading', { name: words }).waitFor()
      assert.deepEqual(await seriousFindings(page), [], tab)
    }
  })
})

test('a rule is tried while it is typed, fires, is told, shown live, acknowledged and replayed', async () => {
  await loadVisits(fresnel)
  await visit(
    site,
    '/alerts?tab=channels',
    async (page) => {
      // A channel: a bad address is refused at its field, a good one is shown its secret once and takes a test.
      await page.getByRole('button', { name: 'New channel' }).first().click()
      await page.getByLabel('Name').fill('On call')
      await page.getByLabel('Address').fill('http://169.254.169.254/latest')
      await button(page, 'Save').click()
      await page.locator('.field-fault').first().waitFor()
      await page.getByLabel('Address').fill(receiver.url)
      await button(page, 'Save').click()
      await page.getByText(/^whsec_/).waitFor()
      await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
      await button(page, 'Send test').click()
      await page.getByText(/On call has taken the test/).waitFor()

      // A rule: its past is drawn before it is saved.
      await page.getByRole('tab', { name: 'Rules' }).click()
      await button(page, 'New rule').click()
      const past = page.getByRole('region', { name: 'What it would have done' })
      await past.getByText(/^it would /).waitFor()
      await page.getByLabel('Looks at').selectOption('single')
      await page.getByLabel('Metric', { exact: true }).selectOption('api_response_time')
      await page.getByLabel('An alert for each').selectOption('api_endpoint')
      await page.getByLabel('Warning', { exact: true }).fill('')
      await page.getByLabel('Critical', { exact: true }).fill('100')
      await past.getByText(/^it would have fired: .* critical/).waitFor()
      await page.getByLabel('Critical', { exact: true }).fill('500000')
      await past.getByText('it would not have fired').waitFor()
      await past.locator('canvas').waitFor()
      await page.screenshot({ path: path.join(screenshots, 'rule-editor.png') })
      assert.deepEqual(await seriousFindings(page), [])
      await button(page, 'Save').click()
      await page.getByText('is required', { exact: false }).or(page.locator('.field-fault')).first().waitFor()
      await page.getByLabel('Name', { exact: true }).fill('Very slow call')
      await button(page, 'Save').click()
      await page.getByRole('row', { name: /Very slow call/ }).waitFor()

      // It fires: the page that is open shows it by itself, and so does the navigation.
      await page.getByRole('tab', { name: 'Alerts' }).click()
      await page.getByRole('heading', { name: 'Alerts', exact: true }).first().waitFor()
      await eventually('the webhook', async () => {
        await fresnel.post('api_response_time', 600_000, { api_endpoint: ENDPOINT })
        return receiver.messages.find((one) => one.notice.title === 'Very slow call')
      }, 60_000, 500)
      const row = page.getByRole('row', { name: /Very slow call.*checkout/ })
      await row.waitFor()
      await page.locator('.nav-count').waitFor()
      await row.getByRole('button', { name: 'Acknowledge' }).click()
      await row.getByText('looked after').waitFor()

      // Its page: what happened, who was told, with what was sent; and it can be sent again.
      await row.click()
      await page.getByRole('heading', { name: 'Very slow call', level: 1 }).waitFor()
      await page.getByRole('region', { name: 'History' }).first().getByText('Acknowledged').waitFor()
      await page.getByRole('region', { name: 'Deliveries' }).getByRole('row', { name: /Delivered/ }).first().click()
      const dialog = page.getByRole('dialog', { name: 'Delivery' })
      await dialog.getByText(/webhook-id: /).first().waitFor()
      const before = receiver.messages.length
      await dialog.getByRole('button', { name: 'Send again' }).click()
      await eventually('it comes again', async () => receiver.messages.length > before || undefined)
      const told = receiver.messages.filter((one) => one.notice.title === 'Very slow call')
      assert.equal(new Set(told.map((one) => one.headers['webhook-id'])).size, 1)

      // It is kept quiet from its own page, and the silence is ended again.
      await button(page, 'Silence').click()
      await page.getByLabel('Why').fill('we know')
      await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click()
      await page.getByText('Silenced').waitFor()
      await page.goto(`${fresnel.url}/alerts?tab=silences`)
      await page.getByRole('row', { name: /we know/ }).getByRole('button', { name: 'End now' }).click()
      await page.getByRole('heading', { name: 'Nothing is silenced' }).waitFor()
    },
    {},
    { expected: /status of 422/ },
  )
})

test('with data each part holds up: dark, light, on a phone', async () => {
  for (const [look, options] of Object.entries(LOOKS)) {
    await visit(
      site,
      '/alerts',
      async (page) => {
        for (const tab of TABS) {
          await page.goto(`${fresnel.url}/alerts?tab=${tab}${tab === 'alerts' ? '&state=all' : ''}`)
          await page.getByRole('table').first().or(page.getByRole('heading', { level: 3 }).first()).first().waitFor()
          await holdsUp(page, `alerts-${tab}-${look}`)
        }
      },
      options,
    )
  }
})

test('who may only look sees alerts, rules and silences, and nothing to press', async () => {
  const { token } = await fresnel.manage('POST', '/api/invitations?project=default', {
    email: 'eve@shop.example',
    role: 'viewer',
  })
  const accepted = await fetch(`${fresnel.url}/api/invitations/accept`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token, name: 'Eve', password: 'a password of a viewer' }),
  })
  assert.ok(accepted.ok, await accepted.text())
  await visit(
    site,
    '/alerts?state=all',
    async (page) => {
      await page.getByRole('row', { name: /Very slow call/ }).waitFor()
      assert.deepEqual(await page.getByRole('tab').allTextContents(), ['Alerts', 'Rules', 'Silences'])
      assert.equal(await page.getByRole('button', { name: 'Acknowledge' }).count(), 0)
      await page.getByRole('tab', { name: 'Rules' }).click()
      await page.getByRole('row', { name: /Very slow call/ }).click()
      await page.getByRole('dialog').getByRole('region', { name: 'What it would have done' }).waitFor()
      assert.equal(await page.getByRole('button', { name: 'Save' }).count(), 0)
      assert.equal(await page.getByLabel('Name', { exact: true }).isDisabled(), true)
    },
    {},
    { email: 'eve@shop.example', password: 'a password of a viewer' },
  )
})
