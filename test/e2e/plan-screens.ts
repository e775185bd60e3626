/** The screens of plans: the list, one plan, and each step of making one. */
import type { Page } from '@playwright/test';
import type { Screen } from './screens.ts';

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const link = (page: Page, name: string | RegExp) => page.getByRole('link', { name });

export async function toPlans(page: Page): Promise<void> {
  await link(page, /^Plans/).click();
  await page.getByRole('heading', { name: 'Plans' }).waitFor();
  await page.getByRole('row', { name: /Nightly/ }).waitFor();
}

export async function openPlan(page: Page, name: string): Promise<void> {
  await toPlans(page);
  await link(page, name).click();
  await page.getByRole('listbox', { name: `Days of the plan ${name}` }).waitFor();
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
}

/** From the list to the first step of a new plan. */
export async function newPlan(page: Page): Promise<void> {
  await toPlans(page);
  await button(page, 'New plan…').click();
  await page.getByRole('heading', { name: /Which machines/ }).waitFor();
}

const next = ['When', 'Where', 'Keep', 'Review'] as const;

/** From the first step to a later one. */
export async function goOnTo(page: Page, step: (typeof next)[number]): Promise<void> {
  for (const name of next) {
    await button(page, `Next: ${name}`).click();
    if (name === step) break;
  }
  await page.locator('[aria-current="step"]').getByText(step, { exact: true }).waitFor();
}

async function editStep(page: Page, name: string, step: string): Promise<void> {
  await openPlan(page, name);
  await link(page, step).click();
  await page.getByRole('form', { name: `Edit the plan ${name}` }).waitFor();
}

export const planScreens: readonly Screen[] = [
  { name: 'plans', state: 'full', open: toPlans },
  {
    name: 'plans-empty',
    state: 'no-plans',
    open: async (page) => {
      await link(page, 'Plans').click();
      await page.getByText('No plans yet').waitFor();
    },
  },
  {
    name: 'plans-menu',
    state: 'full',
    open: async (page) => {
      await toPlans(page);
      await button(page, 'Actions for Nightly').click();
      await page.getByRole('menu').waitFor();
    },
  },
  { name: 'plan', state: 'full', open: (page) => openPlan(page, 'Nightly') },
  {
    name: 'plan-day',
    state: 'full',
    open: async (page) => {
      await openPlan(page, 'Nightly');
      await page
        .getByRole('option', { name: /missed/ })
        .first()
        .click();
    },
  },
  {
    name: 'plan-failed',
    state: 'full',
    open: async (page) => {
      await openPlan(page, 'Nightly');
      await button(page, 'Details of mail').first().click();
      await page.getByRole('heading', { name: 'Log' }).waitFor();
    },
  },
  { name: 'plan-paused', state: 'full', open: (page) => openPlan(page, 'End of the month') },
  {
    name: 'plan-pause',
    state: 'full',
    open: async (page) => {
      await openPlan(page, 'Twice a day');
      await button(page, 'Pause until…').click();
      await page.getByRole('menu').waitFor();
    },
  },
  {
    name: 'plan-two-hundred',
    state: 'two-hundred',
    open: async (page) => {
      await link(page, /^Plans/).click();
      await link(page, 'Everything').click();
      await page.getByRole('button', { name: /done/ }).first().waitFor();
    },
  },
  { name: 'new-plan-what', state: 'full', open: newPlan },
  {
    name: 'new-plan-chosen',
    state: 'full',
    open: async (page) => {
      await newPlan(page);
      await page.getByRole('radio', { name: /Chosen machines/ }).check();
    },
  },
  {
    name: 'new-plan-when',
    state: 'full',
    open: async (page) => {
      await newPlan(page);
      await goOnTo(page, 'When');
      await page.getByRole('listitem').filter({ hasText: /02:00/ }).first().waitFor();
    },
  },
  {
    name: 'edit-plan-when',
    state: 'full',
    open: async (page) => {
      await editStep(page, 'Nightly', 'Edit when');
      for (const name of [/What else begins/, /Only when/, /Advanced/]) {
        await button(page, name).click();
      }
    },
  },
  {
    name: 'new-plan-where',
    state: 'full',
    open: async (page) => {
      await newPlan(page);
      await goOnTo(page, 'Where');
    },
  },
  {
    name: 'edit-plan-where',
    state: 'full',
    open: async (page) => {
      await editStep(page, 'Twice a day', 'Edit where');
      for (const name of [/Speed/, /Programs before/, /News/]) await button(page, name).click();
    },
  },
  {
    name: 'edit-plan-keep',
    state: 'full',
    open: async (page) => {
      await editStep(page, 'Twice a day', 'Edit how long points stay');
      await page.getByRole('spinbutton', { name: 'One a day' }).fill('10');
      await page.getByRole('spinbutton', { name: 'One a week' }).fill('6');
      await page.getByText('was 14').waitFor();
      await page.getByRole('img', { name: /go$/ }).waitFor();
      await page.waitForTimeout(600);
    },
  },
  {
    name: 'edit-plan-keep-year',
    state: 'full',
    open: async (page) => {
      await editStep(page, 'Twice a day', 'Edit how long points stay');
      await page.getByRole('radio', { name: 'In a year' }).click();
      await page.getByRole('button', { name: 'Every point and why' }).click();
    },
  },
  {
    name: 'new-plan-review',
    state: 'full',
    open: async (page) => {
      await newPlan(page);
      await goOnTo(page, 'Review');
      await button(page, 'Show what will run').click();
    },
  },
  {
    name: 'edit-plan-review',
    state: 'full',
    open: async (page) => {
      await editStep(page, 'Weekly, off site', 'Edit where');
      await button(page, 'Next: Keep').click();
      await button(page, 'Next: Review').click();
      await page.getByRole('checkbox', { name: 'Save it all the same' }).waitFor();
    },
  },
];
