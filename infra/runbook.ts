import { readFileSync } from 'node:fs'

/** The page with an article on each alarm; each article is a heading. */
const PAGE = 'docs/operations.md'

/** What a package.json says about the place of its sources. */
interface PackageFile {
  version: string
  repository?: string | { url: string }
}

/**
 * Where the runbook is: at the tag of the release, if the package names its repository on the web; otherwise the file in
 * the installed package.
 */
export function findRunbook({ version, repository = '' }: PackageFile = readOwnPackage()): string {
  const url = typeof repository === 'string' ? repository : repository.url
  const page = url.replace(/^git\+/, '').replace(/\.git$/, '')
  return page.startsWith('https://') ? `${page}/blob/v${version}/${PAGE}` : `node_modules/sluice/${PAGE}`
}

// A checkout has its sources at the top, the package what was built of them in dist.
const isBuilt = import.meta.url.endsWith('.js')

const readOwnPackage = (): PackageFile =>
  JSON.parse(
    readFileSync(new URL(isBuilt ? '../../package.json' : '../package.json', import.meta.url), 'utf8'),
  )
