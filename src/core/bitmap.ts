/** Bitmaps over a node's upstreams, kept as base64 so that they survive JSON. */

/** A bitmap of `size` bits, none set. */
export function makeEmptyBitmap(size: number): string {
  if (size === 0) return ''
  return Buffer.alloc(Math.ceil(size / 8)).toString('base64')
}

/** The bitmap with these bits set as well, grown if needed; setting a set bit changes nothing. */
export function setBitmapBits(bitmap: string, bits: number[]): string {
  if (bits.length === 0) return bitmap
  const kept = Buffer.from(bitmap, 'base64')
  const size = bits.reduce((most, bit) => Math.max(most, (bit >> 3) + 1), kept.length)
  const bytes = Buffer.concat([kept, Buffer.alloc(size - kept.length)])
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7))
  return bytes.toString('base64')
}

/** How many bits are set. */
export function countSetBits(bitmap: string): number {
  let count = 0
  for (const byte of Buffer.from(bitmap, 'base64'))
    for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
}
