import type { Executions } from '../../adapters/states/executions.ts'
import type { Build } from './build.ts'

/** Executions of Step Functions, whose client is loaded with the first request: most calls of a function make none. */
export function makeLazyExecutions({ client }: Pick<Build, 'client'>): Executions {
  let loading: Promise<Executions> | undefined
  const open = () => {
    loading ??= import('../../adapters/states/open-executions.ts').then((module) =>
      module.openExecutions(client),
    )
    return loading
  }
  return {
    start: async (...asked) => (await open()).start(...asked),
    succeed: async (...told) => (await open()).succeed(...told),
    fail: async (...told) => (await open()).fail(...told),
  }
}
