import { useEffect, useRef, useState } from 'preact/hooks'

const HELP: [string, string][] = [
  ['/', 'search or filter on this page'],
  ['↓ ↑', 'next or previous row'],
  ['Enter', 'open the row; in the search of a log: next hit, Shift+Enter: previous hit'],
  ['n N', 'in a searched log: next hit, previous hit'],
  ['Esc', 'leave the field; then one page up'],
  ['?', 'this help'],
]

/** Moves the focus along the rows of the page; the first one if none has it. */
function moveRow(by: number): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  const row = at < 0 ? rows[0] : rows[at + by]
  row?.focus()
  row?.scrollIntoView({ block: 'nearest' })
  return row !== undefined
}

/** The page above the one of a path. */
function findPageAbove(path: string): string | undefined {
  if (path === '/') return undefined
  for (const end of ['/log', '/graph', '/timeline'])
    if (path.startsWith('/runs/') && path.endsWith(end)) return path.slice(0, -end.length)
  const pipeline = /^(\/pipelines\/[^/]+)\/(start|plan|backfill)$/.exec(path)?.[1]
  if (pipeline !== undefined) return pipeline
  if (path.startsWith('/luigid/')) return '/luigid'
  const task = path.indexOf('/tasks/')
  if (task > 0) return path.slice(0, task)
  return path.startsWith('/runs/') ? '/runs' : '/'
}

const isDialogOpen = () => document.querySelector('dialog[open]') !== null

const isField = (target: EventTarget | null): target is HTMLElement =>
  target instanceof HTMLElement && target.closest('input, select, textarea') !== null

/** Has keys act that are pressed on the page and in no field; `press` says whether it did something. */
export function usePageKeys(press: (key: string) => boolean): void {
  const latest = useRef(press)
  latest.current = press
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isDialogOpen() || isField(event.target)) return
      if (latest.current(event.key)) event.preventDefault()
    }
    document.addEventListener('keydown', listen)
    return () => document.removeEventListener('keydown', listen)
  }, [])
}

/** The keys of every page, and their help. */
export function Keys({ go }: { go(path: string): void }) {
  const [isShown, show] = useState(false)
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isShown) dialog.current?.showModal()
  }, [isShown])
  useEffect(() => {
    const leave = ({ key, target }: KeyboardEvent) => {
      if (key === 'Escape' && isField(target) && !isDialogOpen()) target.blur()
    }
    document.addEventListener('keydown', leave)
    return () => document.removeEventListener('keydown', leave)
  }, [])
  usePageKeys((key) => pressOnPage(key, show, go))
  return (
    <>
      <button type="button" class="quiet" onClick={() => show(true)} aria-label="Keyboard help">
        ?
      </button>
      {isShown && (
        <dialog ref={dialog} onClose={() => show(false)} aria-label="Keyboard help">
          <h2>Keyboard</h2>
          <dl class="keys">
            {HELP.map(([key, what]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
          <div class="buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </div>
        </dialog>
      )}
    </>
  )
}

function pressOnPage(key: string, show: (isShown: boolean) => void, go: (path: string) => void): boolean {
  if (key === '/') {
    const field = document.querySelector<HTMLInputElement>('[data-search]')
    field?.focus()
    return field !== null
  }
  if (key === '?') show(true)
  else if (key === 'Escape') {
    const above = findPageAbove(location.pathname)
    if (above === undefined) return false
    go(above)
  } else if (key === 'ArrowDown' || key === 'ArrowUp') return moveRow(key === 'ArrowDown' ? 1 : -1)
  else return false
  return true
}
