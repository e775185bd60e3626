/** Words of the widgets themselves. */
export const ui = {
  'ui.show-password': 'Show password',
  'ui.hide-password': 'Hide password',
  'ui.type-name': 'Type {name} to confirm',
  'ui.steps': 'Steps',
  'ui.step-of': 'Step {step} of {steps}',
  'ui.next-step': 'Next: {step}',
  'ui.progress': '{what}: {percent} %',
  'ui.copy-command': 'Copy command',
  'ui.copy-failed': 'Could not copy',
  'ui.what-failed': 'What failed',
  'ui.unharmed': 'Unharmed',
  'ui.what-to-do': 'What to do',
} as const;
