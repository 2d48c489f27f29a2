import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The browser of Debian. */
export const CHROMIUM = process.env.SLUICE_CHROMIUM ?? '/usr/bin/chromium'

/** Installs it if it is missing. */
export function installChromium(): void {
  if (existsSync(CHROMIUM)) return
  execFileSync('bash', ['-c', 'apt-get update -qq && apt-get install -y -qq chromium fonts-dejavu-core'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
