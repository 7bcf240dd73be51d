/** What went wrong, in words that say who can do something about it. */

import { t } from '../i18n';
import { ApiError } from './api';

/** The text for an error of the API. */
export function words(error: unknown): string {
  if (!(error instanceof ApiError)) return t('error.page', { detail: error instanceof Error ? error.message : String(error) });
  const detail = error.detail || error.title;
  switch (error.status) {
    case 0:
      return t('error.none');
    case 401:
      return t('error.401');
    case 403:
      return t('error.403', { detail });
    case 409:
      return t('error.409', { detail });
    case 412:
      return t('error.412');
    case 422:
      return t('error.422', { detail });
    case 429:
      return t('error.429');
    default:
      return t('error.other', { status: error.status, detail });
  }
}
