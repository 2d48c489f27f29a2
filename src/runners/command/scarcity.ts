import { readErrorCode } from '../../core/errors.ts'
/** The system had no process, file descriptor or memory left: what was asked for can go well later. */
export const isScarcityError = (error: unknown): boolean =>
  ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(readErrorCode(error) ?? '')
