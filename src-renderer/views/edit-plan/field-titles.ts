/** What a field of a plan is called where the engine finds something wrong with it. */
import { t } from '../../text/catalogue.ts';

const first = (field: string): string => field.split('.', 1)[0] ?? field;

export function fieldTitle(field: string): string {
  switch (first(field)) {
    case 'name':
      return t('what.name');
    case 'machines':
      return t('what.which');
    case 'exclude':
      return t('what.disks');
    case 'calendar':
    case 'zone':
    case 'triggers':
      return t('review.when');
    case 'conditions':
      return t('when.conditions');
    case 'repositories':
      return t('where.repositories');
    case 'keep':
      return t('review.keep');
    case 'hooks':
      return t('where.hooks');
    default:
      return t('frame.plans');
  }
}
