/** What the page says, in each language. */

import { en } from "./words-en.js";
import { zh } from "./words-zh.js";

export const words = { en, zh };
