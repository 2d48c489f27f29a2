/** Every error that Sluice itself raises: who has to act, whether trying again can help, and what it means. */
export const ERRORS = {
  unknown_name: {
    source: 'user',
    retryable: false,
    meaning: 'No pipeline or task family has this name.',
  },
  unknown_parameter: {
    source: 'user',
    retryable: false,
    meaning: 'The pipeline has no parameter of this name.',
  },
  invalid_parameter: {
    source: 'user',
    retryable: false,
    meaning: 'A parameter is missing or its value is not allowed.',
  },
  invalid_usage: {
    source: 'user',
    retryable: false,
    meaning: 'A command or a part of the library was used in a way that cannot work.',
  },
  invalid_definition: {
    source: 'user',
    retryable: false,
    meaning: 'Tasks, pipelines or the config are defined wrongly; all problems are listed.',
  },
  invalid_plan: {
    source: 'user',
    retryable: false,
    meaning: 'Tasks require each other, or two have one output; nothing was started.',
  },
  config_not_found: {
    source: 'user',
    retryable: false,
    meaning: 'There is no config where it was looked for.',
  },
  config_failed: {
    source: 'user',
    retryable: false,
    meaning: 'The config does not load.',
  },
  never_settled: {
    source: 'system',
    retryable: false,
    meaning: 'The command waits for something of the project that can never come.',
  },
  unknown_run: {
    source: 'user',
    retryable: false,
    meaning: 'No run has this id, or several begin with it.',
  },
  unknown_task: {
    source: 'user',
    retryable: false,
    meaning: 'The run has no such task, or several.',
  },
  unknown_attempt: {
    source: 'user',
    retryable: false,
    meaning: 'No task of the run has had an attempt of this number.',
  },
  unknown_secret: {
    source: 'user',
    retryable: false,
    meaning: 'A secret has not been set.',
  },
  luigi_failed: {
    source: 'user',
    retryable: false,
    meaning:
      'Tasks of Luigi cannot be looked at: the Python, its package luigi, or the module does not work.',
  },
  no_luigi_scheduler: {
    source: 'user',
    retryable: false,
    meaning: 'No central scheduler of Luigi has worked on this state.',
  },
  no_container_engine: {
    source: 'user',
    retryable: false,
    meaning: 'A task needs a container, and neither Docker nor Podman answers on this machine.',
  },
  no_image: {
    source: 'user',
    retryable: false,
    meaning: 'The image of a container does not exist, may not be pulled, or cannot be built.',
  },
  unsafe_path: {
    source: 'user',
    retryable: false,
    meaning: 'A target path could leave the storage, or no file system could hold it.',
  },
  wrong_storage: {
    source: 'user',
    retryable: false,
    meaning: 'The state belongs to another storage.',
  },
  state_newer: {
    source: 'system',
    retryable: false,
    meaning: 'The state was made by a newer Sluice.',
  },
  state_unusable: {
    source: 'system',
    retryable: true,
    meaning: 'The state or the secrets cannot be read or written.',
  },
  state_gone: {
    source: 'system',
    retryable: true,
    meaning: 'The file of the state was deleted or replaced while a process worked on it.',
  },
  disk_full: {
    source: 'system',
    retryable: true,
    meaning: 'The disk is full; the run goes on when there is room.',
  },
  output_unwritable: {
    source: 'system',
    retryable: true,
    meaning: 'What the command prints cannot be written where it was sent, as on a full disk.',
  },
  record_too_large: {
    source: 'user',
    retryable: false,
    meaning: 'Parameters, a result or a checkpoint are larger than a record may be.',
  },
  read_only: {
    source: 'user',
    retryable: false,
    meaning:
      'The server was started with `--read-only`, or the state was simulated, and it was asked to change something.',
  },
  invalid_deployment: {
    source: 'user',
    retryable: false,
    meaning: 'A deployment, or what is asked of it, is wrong.',
  },
  deployment_unreachable: {
    source: 'system',
    retryable: true,
    meaning: 'AWS, or the deployment, cannot be reached with the credentials that there are.',
  },
  internal: {
    source: 'system',
    retryable: false,
    meaning: 'A defect of Sluice.',
  },
} as const satisfies Record<string, { source: 'user' | 'system'; retryable: boolean; meaning: string }>

/** By which an error is recognised. */
export type ErrorCode = keyof typeof ERRORS

/** What is wrong with parameters, by their names. */
export type ParameterProblems = { readonly [name: string]: string }

/** An error for the person who reads it: what was wrong, what is allowed, and in `hint` the next step. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly source: 'user' | 'system'
  readonly retryable: boolean
  readonly hint: string | undefined
  /** What is wrong with each parameter, by its name, so that a form can say it beside the field. */
  readonly params: ParameterProblems | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; params?: ParameterProblems } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.source = ERRORS[code].source
    this.retryable = ERRORS[code].retryable
    this.hint = options.hint
    this.params = options.params
  }
}

/** The message of anything that was thrown. */
export function readErrorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The code of an error of Node or of a library, such as `ENOENT`; undefined for anything that has none. */
export function readErrorCode(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

/** The name of an error, by which the clients of AWS tell errors apart; empty for anything that is none. */
export const readErrorName = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : '')

/** Throws what was rejected: one error as it is, several as one that names each. */
export function throwAllErrors(settled: readonly PromiseSettledResult<unknown>[], what: string): void {
  const errors = settled.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []))
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1)
    throw new AggregateError(errors, `${what}: ${errors.map(readErrorMessage).join('; ')}`)
}
