import { makeRemoteControl, makeTokenFetcher } from '../../src/http/client.ts'
import { controlSuite } from '../control/control.suite.ts'
import { openHostedControl } from '../control/open-state.ts'
import { PIPELINES } from '../control/pipelines.ts'
import { serveControl, TOKEN } from './served.ts'

controlSuite('over HTTP on loopback', async (test) => {
  const base = await serveControl(test, openHostedControl(test, PIPELINES))
  return makeRemoteControl({ base, fetcher: makeTokenFetcher(TOKEN) })
})
