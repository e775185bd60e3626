/** Words of the frame screen. */
export const frame = {} as const;
