/** Every error that Sluice itself raises: who has to act, and whether trying again can help. */
const TABLE = {
  unknown_name: { source: 'user', retryable: false },
  unknown_parameter: { source: 'user', retryable: false },
  invalid_parameter: { source: 'user', retryable: false },
  invalid_usage: { source: 'user', retryable: false },
  invalid_definition: { source: 'user', retryable: false },
  invalid_plan: { source: 'user', retryable: false },
  config_not_found: { source: 'user', retryable: false },
  config_failed: { source: 'user', retryable: false },
  unknown_run: { source: 'user', retryable: false },
  unknown_task: { source: 'user', retryable: false },
  unknown_secret: { source: 'user', retryable: false },
  unsafe_path: { source: 'user', retryable: false },
  wrong_storage: { source: 'user', retryable: false },
  state_newer: { source: 'system', retryable: false },
  state_unusable: { source: 'system', retryable: true },
  disk_full: { source: 'system', retryable: true },
  node_too_old: { source: 'system', retryable: false },
  conflict: { source: 'system', retryable: true },
  internal: { source: 'system', retryable: false },
} as const satisfies Record<string, { source: 'user' | 'system'; retryable: boolean }>

/** By which an error is recognised. */
export type ErrorCode = keyof typeof TABLE

/** An error for the person who reads it: what was wrong, what is allowed, and in `hint` the next step. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly source: 'user' | 'system'
  readonly retryable: boolean
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.source = TABLE[code].source
    this.retryable = TABLE[code].retryable
    this.hint = options.hint
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
