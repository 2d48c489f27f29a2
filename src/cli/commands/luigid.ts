import { EXIT } from '../exit.ts'
import { startLuigiServer } from '../luigi-server.ts'
import type { LuigidOptions } from '../luigid-flags.ts'
import type { Result } from '../options.ts'
import { waitForStop } from '../wait-for-stop.ts'

/** Runs Luigi's central scheduler until Ctrl-C. */
export async function runLuigiScheduler(options: LuigidOptions): Promise<Result> {
  const server = await startLuigiServer(options, options.json ? () => {} : (line) => console.log(line))
  await waitForStop()
  server.close()
  return {
    data: { stopped: true },
    text: 'Stopped. The state is kept for the next start.',
    exitCode: EXIT.done,
  }
}
