// Shows the description of the API, and sends the requests that a reader makes up. Everything is made with
// textContent: nothing of the description or of an answer becomes markup.
'use strict'

const operations = document.getElementById('operations')
const key = document.getElementById('key')
const find = document.getElementById('find')

document.getElementById('who').addEventListener('submit', (event) => event.preventDefault())

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

/** What a reference stands for. */
function resolved(description, schema) {
  let found = schema ?? {}
  for (let depth = 0; found.$ref && depth < 8; depth++) {
    found = found.$ref.slice(2).split('/').reduce((at, part) => at?.[part], description) ?? {}
  }
  return found
}

/** A value that has the form of a schema, to begin with. */
function example(description, schema, depth = 0) {
  const own = resolved(description, schema)
  if (own.example !== undefined) return own.example
  if (own.default !== undefined) return own.default
  if (own.enum) return own.enum[0]
  if (own.allOf) {
    const parts = own.allOf.map((part) => example(description, part, depth))
    return Object.assign({}, ...parts.filter((part) => part && typeof part === 'object'))
  }
  const choice = (own.oneOf ?? own.anyOf)?.find((one) => one.type !== 'null')
  if (choice) return example(description, choice, depth)
  const type = [own.type].flat().find((one) => one && one !== 'null')
  if (type === 'object' && depth < 6) {
    const required = own.required ?? []
    const shown = Object.entries(own.properties ?? {}).filter(([name]) => required.includes(name))
    return Object.fromEntries(shown.map(([name, one]) => [name, example(description, one, depth + 1)]))
  }
  if (type === 'array') return own.items && own.minItems ? [example(description, own.items, depth + 1)] : []
  if (type === 'integer' || type === 'number') return own.minimum ?? 0
  if (type === 'boolean') return false
  return type === 'string' ? '' : null
}

/** What a reader should know of a parameter's values. */
function hint(description, parameter) {
  const schema = resolved(description, parameter.schema)
  const inner = schema.items ? resolved(description, schema.items) : schema
  const words = [parameter.description ?? schema.description]
  if (inner.enum) words.push(`one of ${inner.enum.join(', ')}`)
  if (schema.items) words.push('several with commas between them')
  if (inner.minimum !== undefined) words.push(`from ${inner.minimum}`)
  if (inner.maximum !== undefined) words.push(`to ${inner.maximum}`)
  if (schema.default !== undefined) words.push(`otherwise ${schema.default}`)
  return words.filter(Boolean).join(' · ')
}

function addressOf(path, fields) {
  let address = path
  const query = new URLSearchParams()
  for (const { parameter, input, isList } of fields) {
    const text = input.value.trim()
    if (parameter.in === 'path') {
      address = address.replace(`{${parameter.name}}`, encodeURIComponent(text))
    } else if (parameter.in === 'query' && text) {
      const values = isList ? text.split(',').map((one) => one.trim()) : [text]
      values.forEach((one) => query.append(parameter.name, one))
    }
  }
  const rest = query.toString()
  // Relative to this page, which may stand below a path of a proxy.
  const base = new URL('..', document.baseURI)
  return new URL(address.slice(1) + (rest && `?${rest}`), base)
}

async function send(method, path, fields, body, shown) {
  const address = addressOf(path, fields)
  const headers = { 'X-Fresnel-CSRF': 'docs' }
  if (key.value) headers['X-API-Key'] = key.value
  if (body) headers['Content-Type'] = 'application/json'
  shown.textContent = `${method.toUpperCase()} ${address}\n…`
  const begun = performance.now()
  try {
    const answer = await fetch(address, { method: method.toUpperCase(), headers, body: body?.value })
    const text = await answer.text()
    let pretty = text
    try {
      pretty = JSON.stringify(JSON.parse(text), null, 2)
    } catch {
      // Not JSON: shown as it is.
    }
    const took = (performance.now() - begun).toFixed(1)
    shown.textContent = `${method.toUpperCase()} ${address}\n${answer.status} in ${took} ms\n\n${pretty}`
  } catch (error) {
    shown.textContent = `${method.toUpperCase()} ${address}\n${error}`
  }
}

/** The inside of an operation, made when it is opened. */
function inside(description, path, method, operation) {
  const fields = (operation.parameters ?? []).map((parameter) => {
    const schema = resolved(description, parameter.schema)
    const input = make('input', { type: 'text', required: Boolean(parameter.required), spellcheck: false })
    if (parameter.example !== undefined) input.placeholder = String(parameter.example)
    return { parameter, input, isList: Boolean(schema.items) }
  })
  const content = operation.requestBody?.content?.['application/json']
  const body = content && make('textarea', { spellcheck: false })
  if (body) body.value = JSON.stringify(content.example ?? example(description, content.schema), null, 2)
  const shown = make('pre', { hidden: true })
  const form = make('form', {})
  for (const { parameter, input } of fields) {
    const name = `${parameter.name}${parameter.required ? ' (required)' : ''}`
    form.append(make('label', {}, name, input, make('small', { textContent: hint(description, parameter) })))
  }
  if (body) form.append(make('label', {}, 'Body', body))
  form.append(make('button', { textContent: 'Send' }), shown)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    shown.hidden = false
    send(method, path, fields, body, shown)
  })
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const words = make('td', { textContent: resolved(description, response).description })
    return make('tr', {}, make('th', { textContent: status, scope: 'row' }), words)
  })
  return [
    make('p', { textContent: operation.description ?? '' }),
    form,
    make('table', {}, make('tbody', {}, ...rows)),
  ]
}

function shownOperation(description, path, method, operation) {
  const summary = make('summary', {},
    make('span', { className: 'method', textContent: method }),
    make('span', { className: 'path', textContent: path }),
    ` ${operation.summary ?? ''}`)
  const details = make('details', { id: operation.operationId }, summary)
  details.dataset.words = `${method} ${path} ${operation.summary ?? ''}`.toLowerCase()
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) {
      details.append(...inside(description, path, method, operation))
    }
  })
  return details
}

function filter() {
  const wanted = find.value.toLowerCase().split(/\s+/)
  for (const section of operations.querySelectorAll('section')) {
    let hits = 0
    for (const one of section.querySelectorAll('details')) {
      one.hidden = !wanted.every((word) => one.dataset.words.includes(word))
      hits += one.hidden ? 0 : 1
    }
    section.hidden = hits === 0
  }
}

async function show() {
  const answer = await fetch('openapi.json')
  if (!answer.ok) throw new Error(`the description is not to be had now: ${answer.status}`)
  const description = await answer.json()
  const all = Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })))
  const sections = description.tags.map((tag) => {
    const own = all.filter(({ operation }) => operation.tags.includes(tag.name))
    return make('section', {},
      make('h2', { textContent: tag.name }),
      make('p', { textContent: tag.description ?? '' }),
      ...own.map(({ path, method, operation }) => shownOperation(description, path, method, operation)))
  })
  operations.replaceChildren(...sections)
  find.addEventListener('input', filter)
}

show().catch((error) => {
  operations.replaceChildren(make('p', { textContent: String(error) }))
})
