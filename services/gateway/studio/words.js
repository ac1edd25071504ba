/** What the page says, in each language. */

import { en as enAccount } from "./words-account-en.js";
import { zh as zhAccount } from "./words-account-zh.js";
import { en } from "./words-en.js";
import { zh } from "./words-zh.js";

export const words = { en: { ...en, ...enAccount }, zh: { ...zh, ...zhAccount } };
