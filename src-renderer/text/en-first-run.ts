/** Words of the first screen. */
export const firstRun = {
  'first.title': 'Which machines should Waymark look after?',
  'first.lead': 'It looks first and changes nothing. No account, and nothing leaves this computer.',
  'first.ways': 'Start',
  'first.computer': 'This computer',
  'first.computer-text': 'The machines that virt-manager and virsh show here (qemu:///system)',
  'first.connect': 'Connect to this computer',
  'first.practice': 'Practice machine',
  'first.practice-text':
    'A tiny real machine of 32 MiB, up in about a second. Try backup and restore without risk.',
  'first.practice-do': 'Create a practice machine',
  'first.practice-show': 'Show the practice machine',
  'first.practice-working': 'Creating the practice machine',
  'first.other': 'Another computer',
  'first.other-text': 'At any libvirt address',
  'first.repository': 'A repository you already have',
  'first.repository-text': 'After losing a computer: all it needs is the folder and its password',
  'first.open-repository': 'Open repository…',
  'first.root-note': 'Who may manage these machines can do everything root can.',
  'first.skip': 'Go to the list of machines',
} as const;
