/** The two channels between a window and the main process; there are no others. */
export const callChannel = 'waymark:call';
export const eventChannel = 'waymark:event';
