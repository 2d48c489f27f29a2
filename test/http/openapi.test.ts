import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { ErrorAnswer } from '../../src/http/errors.ts'
import { describeHttpApi } from '../../src/http/openapi.ts'
import { findRequestShape, type OperationName, type Status } from '../../src/http/route.ts'
import { ROUTES } from '../../src/http/routes.ts'
import { openHostedControl } from '../control/open-state.ts'
import { apiDocument } from '../support/api-document.ts'
import { projectFolder } from '../support/folders.ts'
import { serveControl, TOKEN } from './served.ts'

interface Document {
  paths: { [path: string]: { [method: string]: { operationId: string; responses: object } } }
}

describe('the document of the API', () => {
  it('is the one in docs: npm run docs:api writes it', () => {
    assert.equal(readFileSync(join(projectFolder, 'docs/openapi.json'), 'utf8'), apiDocument())
  })

  it('is OpenAPI 3.1, and every reference leads somewhere', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(describeHttpApi()))
    assert.ok(valid, JSON.stringify(errors))
    const broken = {
      ...structuredClone(describeHttpApi()),
      paths: { '/x': { get: { responses: { 200: {} } } } },
    }
    assert.equal((await new Validator().validate(broken)).valid, false, 'the validator sees a wrong one')
    const text = apiDocument()
    for (const [, ref = ''] of text.matchAll(/"\$ref": "([^"]+)"/g)) {
      assert.match(ref, /^#\//)
      const target = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((at, name) => (at as { [name: string]: unknown })?.[name], describeHttpApi())
      assert.notEqual(target, undefined, ref)
    }
  })

  it('has every operation once, and its examples are as its shapes say', () => {
    const { paths } = describeHttpApi() as unknown as Document
    const ids = Object.values(paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    )
    assert.equal(new Set(ids).size, ids.length)
    for (const name of Object.keys(ROUTES) as OperationName[]) {
      assert.ok(ids.includes(name), name)
      const { example, answers, statusOf } = ROUTES[name]
      const status = (statusOf as ((answer: unknown) => Status) | undefined)?.(example.answer) ?? 200
      assert.deepEqual(answers[status]?.parse(example.answer), example.answer, name)
      const request = findRequestShape(name)
      assert.equal(request === undefined, example.request === undefined, name)
      assert.doesNotThrow(() => request?.parse(example.request), name)
    }
  })

  it('is served, and each of its paths is there', async (test) => {
    const url = await serveControl(test, openHostedControl(test, []))
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    const served = await fetch(`${url}/v1/openapi.json`, { headers })
    assert.deepEqual(await served.json(), JSON.parse(apiDocument()))
    const { paths } = describeHttpApi() as unknown as Document
    for (const [path, item] of Object.entries(paths))
      for (const [method, { responses }] of Object.entries(item)) {
        const filled = url + path.replaceAll(/\{\w+\}/g, 'unknown')
        const body = ['post', 'put'].includes(method) ? { body: '{}' } : {}
        const answer = await fetch(filled, { method: method.toUpperCase(), headers, ...body })
        const json: unknown = await answer.json()
        const told = ErrorAnswer.safeParse(json)
        assert.ok(answer.status in responses || told.success, `${method} ${path}: ${answer.status}`)
        assert.notEqual(told.data?.error.code, 'not_found', `${method} ${path}`)
        assert.notEqual(told.data?.error.code, 'method_not_allowed', `${method} ${path}`)
        assert.notEqual(told.data?.error.code, 'internal', `${method} ${path}`)
      }
  })
})
