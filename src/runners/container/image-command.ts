import { randomUUID } from 'node:crypto'
import { locateInputFile } from '../../body/luigi-shim.ts'
import { mustHave } from '../../core/must-have.ts'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerProgram } from '../../core/plan.ts'
import { makeContainerArguments } from './container-arguments.ts'
import { findContainerEngine } from './container-engine.ts'
import { ContainerImages } from './container-image.ts'

const images = new ContainerImages()

/**
 * The command that runs a program in a container of this machine, which is removed at its end; arguments of the program come after
 * it. The image is pulled or built if it is missing. Throws `no_container_engine` or `no_image`.
 */
export async function makeImageCommand(program: ContainerProgram): Promise<string[]> {
  const { image, argv = [], entryPoint, env, inputs, mounts = [] } = program
  const engine = await findContainerEngine()
  const { id } = await images.get(engine, image, {
    buildSecrets: {},
    onProgress: ({ text }) => text !== undefined && console.error(text),
  })
  const own = makeContainerArguments({
    name: `sluice-asks-${randomUUID()}`,
    image: id,
    argv,
    entryPoint,
    env,
    secrets: {},
    labels: {},
    mounts: [
      ...inputs.map(({ uri, at }) => ({
        source: mustHave(locateInputFile(uri), `the file ${uri}`),
        target: `${IN_CONTAINER.inputs}/${at}`,
        isReadOnly: true,
      })),
      ...mounts.map(({ folder, at }) => ({ source: folder, target: at, isReadOnly: false })),
    ],
    memoryMb: undefined,
    cpu: undefined,
  })
  return [engine.command, 'run', '--rm', '--interactive', ...own]
}
