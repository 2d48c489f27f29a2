import { useEffect, useState } from 'preact/hooks'

interface FilterFieldProps {
  label: string
  /** What is filtered by. */
  value: string
  placeholder?: string
  disabled?: boolean
  /** It takes the rest of its line. */
  isWide?: boolean
  /** The key `/` goes to it. */
  isSearch?: boolean
  /** Set once it was entered; or, if it is given, when nothing more was typed for so long. */
  typingMs?: number
  set(value: string): void
}

/** A field of a filter. What is typed is its own until it is set, so that answers which come meanwhile do not take it away. */
export function FilterField({
  label,
  value,
  placeholder,
  disabled,
  isWide,
  isSearch,
  typingMs,
  set,
}: FilterFieldProps) {
  const [typed, type] = useState(value)
  useEffect(() => type(value), [value])
  useEffect(() => {
    if (typingMs === undefined || typed === value) return
    const timer = setTimeout(() => set(typed), typingMs)
    return () => clearTimeout(timer)
  }, [typed])
  return (
    <label class={isWide ? 'wide' : ''}>
      {label}
      <input
        type="search"
        data-search={isSearch}
        value={typed}
        placeholder={placeholder}
        disabled={disabled}
        spellcheck={false}
        onInput={({ currentTarget }) => type(currentTarget.value)}
        onChange={({ currentTarget }) => set(currentTarget.value.trim())}
      />
    </label>
  )
}
