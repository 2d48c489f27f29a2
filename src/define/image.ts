import type { Image } from '../core/plan.ts'
import { SECRET_NAME, type SecretReference } from './secret.ts'

/** How a folder is built into an image. */
export interface BuildOptions {
  /** Path of the Dockerfile in the folder. @default 'Dockerfile' */
  dockerfile?: string
  /** The stage of the Dockerfile that is built. @default the last one */
  target?: string
  /** Build arguments, such as the version of a runtime. They can be read in the image, so they are no place for secrets. */
  args?: { readonly [name: string]: string }
  /** A branch, tag or commit of the repository around the folder, which is built instead of the files that are there now. */
  ref?: string
  /** Secrets for the time of the build, by the ids under which `RUN --mount=type=secret,id=…` finds them. @default none */
  secrets?: { readonly [id: string]: SecretReference }
}

/** An image that is built from a folder; made by {@link build}. */
export interface BuiltImage extends BuildOptions {
  /** Path of the build context, relative to the project's folder. */
  readonly folder: string
}

/**
 * An image that is built from a folder with a Dockerfile: at the first use on one machine, by `deploy` for AWS, and anew only
 * when the folder or the options change.
 */
export const build = (folder: string, options: BuildOptions = {}): BuiltImage => ({ ...options, folder })

/** A reference as Docker takes it: an optional registry with a port, a path, an optional tag, an optional digest. */
const REFERENCE =
  /^[a-z0-9]+([._-]+[a-z0-9]+)*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/i
const BUILD_FIELDS = ['folder', 'dockerfile', 'target', 'args', 'ref', 'secrets']

/** What is wrong with an image, a sentence each. */
export function findImageProblems(image: unknown): string[] {
  if (typeof image === 'string')
    return REFERENCE.test(image)
      ? []
      : [`image ${JSON.stringify(image)} is no reference of an image, such as 'python:3.12-slim'`]
  if (typeof image !== 'object' || image === null)
    return ["image must be a reference such as 'python:3.12-slim', or build('folder')"]
  return findBuildProblems(image as Record<string, unknown>)
}

function findBuildProblems({ folder, args, secrets, ...options }: Record<string, unknown>): string[] {
  const problems: string[] = []
  if (typeof folder !== 'string' || folder === '' || folder.includes('\0'))
    problems.push("build takes the path of a folder, such as build('images/train')")
  for (const [name, value] of Object.entries(options)) {
    if (!BUILD_FIELDS.includes(name))
      problems.push(`build has no option ${name}; it has ${BUILD_FIELDS.slice(1).join(', ')}`)
    // Git and Docker would take a leading hyphen for an option.
    else if (value !== undefined && (typeof value !== 'string' || !/^[^-\0][^\0]*$/.test(value)))
      problems.push(`build: ${name} must be text that does not begin with a hyphen`)
  }
  return [...problems, ...findArgumentProblems(args), ...findSecretProblems(secrets)]
}

const findArgumentProblems = (args: unknown): string[] =>
  Object.entries({ ...(args as object) })
    .filter(([name, value]) => !/^[A-Za-z_]\w*$/.test(name) || typeof value !== 'string')
    .map(
      ([name]) =>
        `build: the argument ${JSON.stringify(name)} must be a name of letters, digits and _ with text as its value`,
    )

const findSecretProblems = (secrets: unknown): string[] =>
  Object.entries<Partial<SecretReference> | undefined>({ ...(secrets as object) })
    .filter(([id, value]) => !/^\w[\w.-]*$/.test(id) || !SECRET_NAME.test(value?.secret ?? ''))
    .map(
      ([id]) =>
        `build: the secret ${JSON.stringify(id)} must be an id of letters, digits, _, . and -, with secret('name')`,
    )

/** The image as a plan carries it; `resolve` makes the path of a folder absolute. */
export function toImage(image: string | BuiltImage, resolve: (folder: string) => string): Image {
  if (typeof image === 'string') return { reference: image }
  const { folder, args, secrets, ...options } = image
  const names = Object.entries(secrets ?? {}).map(([id, { secret }]) => [id, secret])
  return {
    build: {
      ...options,
      folder: resolve(folder),
      ...(args === undefined ? {} : { args: { ...args } }),
      ...(names.length === 0 ? {} : { secrets: Object.fromEntries(names) }),
    },
  }
}

/** Names of the secrets that the build of an image takes. */
export const listBuildSecrets = (image: string | BuiltImage | undefined): string[] =>
  typeof image === 'object' ? Object.values(image.secrets ?? {}).map(({ secret }) => secret) : []

/** Names that people give to what is secret, as a whole word between underscores. */
const SECRET_ARGUMENT =
  /(^|_)(TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH)(_|$)/i
/** How values begin that AWS, GitHub, GitLab and Slack give out, keys in PEM, and a URL with a password in it. */
const SECRET_VALUE =
  /^(A[KS]IA[0-9A-Z]{16}$|gh[pousr]_|github_pat_|glpat-|xox[abps]-|-----BEGIN |[a-z][a-z+.-]*:\/\/[^/\s:@]+:[^/\s@]+@)/

/** Build arguments that look like secrets, a sentence each: everybody who has the image can read them in its history. */
export function findSecretArguments(image: string | BuiltImage | undefined): string[] {
  if (typeof image !== 'object') return []
  return Object.entries(image.args ?? {})
    .filter(([name, value]) => value !== '' && (SECRET_ARGUMENT.test(name) || SECRET_VALUE.test(value)))
    .map(
      ([name]) =>
        `the build argument ${name} of ${image.folder} looks like a secret, and everybody who has the image can read it there; use build(…, { secrets: { ${name}: secret('name') } }) with RUN --mount=type=secret,id=${name}`,
    )
}
