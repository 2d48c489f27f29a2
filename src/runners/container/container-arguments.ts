import type { Mount } from './container-files.ts'

/** What a container is made of. */
export interface ContainerSpec {
  name: string
  /** Id of an image that is on this machine. */
  image: string
  argv: readonly string[]
  /** @default that of the image */
  entryPoint?: string | undefined
  env: { readonly [name: string]: string }
  /** Environment variables whose values must not be seen among the arguments of a process. */
  secrets: { readonly [name: string]: string }
  labels: { readonly [name: string]: string }
  mounts: readonly Mount[]
  memoryMb: number | undefined
  /** In units of 1/1024 of a core. */
  cpu: number | undefined
  /** Folder in which the engine is called: Podman's monitor notes there that memory ran out. */
  folder: string
  /** File that the engine writes when the program starts; only an engine that can. */
  pidFile?: string | undefined
}

/** The arguments of `run` for a container, from its name to the arguments of its program. */
export function makeContainerArguments({
  name,
  image,
  argv,
  entryPoint,
  env,
  secrets,
  labels,
  mounts,
  memoryMb,
  cpu,
  pidFile,
}: Omit<ContainerSpec, 'folder'>): string[] {
  return [
    ...['--name', name, '--pull', 'never'],
    ...(pidFile === undefined ? [] : ['--pidfile', pidFile]),
    ...Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    ...Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
    // Without a value the engine takes it from its own environment.
    ...Object.keys(secrets).flatMap((variable) => ['--env', variable]),
    ...mounts.flatMap((mount) => ['--mount', formatMount(mount)]),
    // Without swap, so that memory that runs out is told and not only slow.
    ...(memoryMb === undefined ? [] : ['--memory', `${memoryMb}m`, '--memory-swap', `${memoryMb}m`]),
    ...(cpu === undefined ? [] : ['--cpus', String(cpu / 1024)]),
    ...(entryPoint === undefined ? [] : ['--entrypoint', entryPoint]),
    image,
    ...argv,
  ]
}

/** Fields of a mount are CSV, so that a comma or a quote in a path needs quotes. */
const formatMount = ({ source, target, isReadOnly }: Mount): string =>
  ['type=bind', `source=${source}`, `target=${target}`, ...(isReadOnly ? ['readonly'] : [])]
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',')
