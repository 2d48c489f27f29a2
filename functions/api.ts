/** Answers the command and the console. */
export const handler = async (): Promise<{ statusCode: number }> => ({ statusCode: 501 })
