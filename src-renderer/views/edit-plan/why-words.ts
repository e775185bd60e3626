/** Why a point stays, in words. */
import type { KeepReason } from '#contract/plans.ts';
import { t } from '../../text/catalogue.ts';

/** "of its day, of its month"; "Goes" where nothing holds it. */
export function whyText(keep: readonly KeepReason[]): string {
  if (keep.length === 0) return t('preview.goes');
  return keep.map((reason) => t(`why.${reason}`)).join(', ');
}
