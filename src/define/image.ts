import type { Image, ImageBuild } from '../core/plan.ts'

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
const BUILD_FIELDS = ['folder', 'dockerfile', 'target', 'args', 'ref']

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

function findBuildProblems({ folder, args = {}, ...options }: Record<string, unknown>): string[] {
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
  for (const [name, value] of Object.entries(args as object))
    if (!/^[A-Za-z_]\w*$/.test(name) || typeof value !== 'string')
      problems.push(
        `build: the argument ${JSON.stringify(name)} must be a name of letters, digits and _ with text as its value`,
      )
  return problems
}

/** The image as a plan carries it; `resolve` makes the path of a folder absolute. */
export function toImage(image: string | BuiltImage, resolve: (folder: string) => string): Image {
  if (typeof image === 'string') return { reference: image }
  const { folder, args, ...options } = image
  const built: ImageBuild = { ...options, folder: resolve(folder) }
  return { build: args === undefined ? built : { ...built, args: { ...args } } }
}
