/** Words of the ui screen. */
export const ui = {} as const;
