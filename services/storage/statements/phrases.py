"""What a person reads on camera: what is consented to, and words that nobody could foresee."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from services.common.errors import InvalidInput

LANGUAGES = ("en", "zh")
WORDS = 6
"""Of 64 each: 36 bits."""
_MAX_NAME = 40
"""A longer name is not read."""

_ENGLISH = (
    "apple bottle bridge butter camera candle carpet castle chicken circle coffee cotton "
    "doctor dragon engine farmer finger flower forest garden guitar hammer honey island "
    "jacket kitchen ladder lemon letter market mirror monkey morning mountain music needle "
    "ocean orange paper pencil pepper piano picture pillow planet pocket rabbit river "
    "rocket salad school silver spider summer sugar table tiger tomato tower train "
    "village water window winter"
)
_CHINESE = (
    "苹果 桌子 火车 老师 月亮 太阳 飞机 电话 牛奶 面包 冬天 夏天 音乐 城市 河流 森林 "
    "雨伞 钥匙 窗户 铅笔 书包 花园 海洋 山峰 星星 白云 大象 老虎 熊猫 兔子 蝴蝶 鸡蛋 "
    "西瓜 葡萄 香蕉 番茄 土豆 米饭 咖啡 糖果 医生 农民 警察 学校 医院 公园 市场 厨房 "
    "镜子 地图 照片 相机 帽子 手套 毛衣 鞋子 春天 早晨 晚上 天空 石头 沙滩 钢琴 足球"
)
_USES = {
    "en": {"avatar": "my face", "voice": "my voice"},
    "zh": {"avatar": "我的形象", "voice": "我的声音"},
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is to be read."""

    text: str
    """All of it, with who gets the consent."""
    sentence: str
    """What has to be heard for the most part: the same without the name."""
    secret: str
    """What nobody could foresee."""


def new_phrase(language: str, purposes: Collection[str], account: str) -> Phrase:
    """A fresh phrase. Raises InvalidInput for a language that there is none in."""
    if language not in LANGUAGES:
        raise InvalidInput(f"language is one of {', '.join(LANGUAGES)}")
    uses = [use for purpose, use in _USES[language].items() if purpose in purposes]
    name = account if len(account) <= _MAX_NAME else ""
    random = secrets.SystemRandom()
    if language == "zh":
        secret = "，".join(random.sample(_CHINESE.split(), WORDS))
        what = f"使用{'和'.join(uses)}制作数字人"
        return Phrase(f"我同意{name}{what}。{secret}。", f"我同意{what}", secret)
    secret = ", ".join(random.sample(_ENGLISH.split(), WORDS))
    what = f"the use of {' and '.join(uses)} for a digital human"
    by = f" by {name}" if name else ""
    return Phrase(f"I agree to {what}{by}. {secret.capitalize()}.", f"I agree to {what}", secret)
