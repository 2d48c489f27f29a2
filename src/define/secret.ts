/** Refers to a secret by its name; the value is read when the body starts. */
export interface SecretReference {
  readonly secret: string
}

/** A secret by its name, for example `secret('mag/api-key')`; it never enters a record, plan or log. */
export function secret(name: string): SecretReference {
  return { secret: name }
}

/** Names that are allowed for secrets. */
export const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,199}$/

/** The environment variable that gives a secret locally: `SLUICE_SECRET_MAG_API_KEY` for `mag/api-key`. */
export function makeSecretVariableName(name: string): string {
  return `SLUICE_SECRET_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}
