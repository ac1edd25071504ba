"""Which reading a Chinese character has where it stands.

The dictionary of `pypinyin` knows the readings of words; here is what it lacks: syllables without
a tone, words that it reads otherwise than people do, and particles that are told from verbs and
nouns by their neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import rjieba
from pypinyin import Style, lazy_pinyin
from pypinyin.contrib.tone_convert import to_finals_tone3, to_initials

from services.tts.pronunciation.pinyin import NEUTRAL, Syllable


@dataclass(frozen=True, slots=True)
class Word:
    """A word and how its characters are read."""

    text: str
    syllables: tuple[Syllable, ...]


def words_of(text: str) -> list[Word]:
    """The words of a text of Chinese characters, each with its reading before tone sandhi."""
    words = list(_segmented(text))
    return [
        Word(word, tuple(_in_context(words, place, _syllables(word))))
        for place, word in enumerate(words)
    ]


def _segmented(text: str) -> Iterator[str]:
    at = 0
    for match in _OWN_READINGS_PATTERN.finditer(text):
        yield from rjieba.cut(text[at : match.start()], hmm=False)
        yield match[0]
        at = match.end()
    yield from rjieba.cut(text[at:], hmm=False)


def _syllables(word: str) -> list[Syllable]:
    if own := _OWN_READINGS.get(word):
        syllables = own.split()
        initials = [to_initials(syllable, strict=True) for syllable in syllables]
        finals = [
            to_finals_tone3(syllable, strict=True, neutral_tone_with_five=True)
            for syllable in syllables
        ]
    else:
        initials = lazy_pinyin(word, Style.INITIALS, strict=True)
        finals = lazy_pinyin(word, Style.FINALS_TONE3, strict=True, neutral_tone_with_five=True)
    return [
        Syllable(character, initial, final[:-1], final[-1:])
        for character, initial, final in zip(word, initials, finals, strict=True)
    ]


def _in_context(
    words: Sequence[str], place: int, syllables: Sequence[Syllable]
) -> Sequence[Syllable]:
    """The reading of a word among its neighbours."""
    word = words[place]
    before = words[place - 1] if place else ""
    *rest, last = syllables
    if word == "得":
        if before in _BEFORE_MUST:
            return [replace(last, final="ei", tone="3")]
        return [replace(last, tone=NEUTRAL)]
    if word == "地":
        is_particle = len(before) > 1 and before[-1] not in _BEFORE_LAND and place + 1 < len(words)
        return [replace(last, final="e", tone=NEUTRAL)] if is_particle else syllables
    if _ends_neutral(word, before):
        return [*rest, replace(last, tone=NEUTRAL)]
    return syllables


def _ends_neutral(word: str, before: str) -> bool:
    match word[-1]:
        case "个":
            return (word[:-1] or before)[-1:] in _COUNTING
        case "儿":
            return len(word) > 1 and word[-2:] not in _CHILDREN
    return word[-2:] in _NEUTRAL_WORDS


_COUNTING = tuple("一二两三四五六七八九十百千万亿几这那哪每半多各")
_CHILDREN = frozenset(["女儿", "婴儿", "幼儿", "孤儿", "胎儿", "少儿", "患儿", "健儿", "宠儿"])
_BEFORE_MUST = frozenset(
    """
    我 你 您 他 她 它 我们 你们 他们 她们 咱 咱们 大家 谁 还 就 可 总 必 只 都 也 非 又
    一定 肯定 必须 可能 恐怕 今天 明天 后天 现在
    """.split()  # noqa: SIM905 - easier to read
)
"""After these 得 is a verb: must."""
_BEFORE_LAND = tuple("这那块片个处大的种土农山本当各某此盆草死村市省县城")
"""After these 地 is a noun: land."""

_NEUTRAL_WORDS = frozenset(
    """
    爱人 巴掌 爸爸 白净 帮手 宝宝 包袱 包涵 本事 比方 扁担 别扭 玻璃 伯伯 补丁 部分 财主 裁缝 苍蝇
    差事 尝尝 柴火 称呼 窗户 刺猬 凑合 耷拉 答应 打扮 打点 打发 打量 打算 打听 大夫 耽搁 耽误 道士
    灯笼 地道 地方 点心 东西 动静 动弹 豆腐 嘟囔 队伍 对付 耳朵 风筝 福气 甘蔗 高粱 膏药 告诉 哥哥
    胳膊 公公 姑姑 姑娘 故事 寡妇 怪物 关系 官司 规矩 闺女 含糊 行当 合同 和尚 核桃 黑板 红火 厚道
    狐狸 糊涂 护士 皇上 黄瓜 活泼 伙计 机灵 脊梁 记号 记性 架势 嫁妆 见识 将就 交情 叫唤 结实 街坊
    姐夫 姐姐 戒指 舅舅 咳嗽 客气 口袋 窟窿 快活 阔气 喇叭 老婆 老实 老爷 累赘 篱笆 力气 厉害 利落
    利索 连累 凉快 粮食 聊聊 溜达 骆驼 妈妈 麻烦 麻利 马虎 码头 买卖 忙活 冒失 眉毛 媒人 妹妹 弟弟
    门道 眯缝 迷糊 苗条 名堂 名字 明白 模糊 蘑菇 木匠 奶奶 难为 脑袋 能耐 念叨 娘家 奴才 女婿 牌楼
    盘算 朋友 脾气 屁股 便宜 漂亮 婆家 铺盖 葡萄 欺负 亲戚 勤快 清楚 热闹 人家 认识 扫帚 商量 上司
    烧饼 少爷 生意 牲口 师父 师傅 石匠 石榴 时候 拾掇 使唤 事情 试试 收成 收拾 首饰 叔叔 舒服 舒坦
    疏忽 爽快 说说 思量 算计 岁数 太太 特务 挑剔 跳蚤 听听 铁匠 头发 妥当 唾沫 挖苦 娃娃 外面 晚上
    委屈 位置 稳当 稀罕 媳妇 喜欢 下面 下巴 吓唬 先生 乡下 想想 相声 消息 小气 笑话 谢谢 心思 星星
    猩猩 行李 兄弟 休息 秀才 秀气 学生 学问 衙门 胭脂 烟筒 眼睛 养活 吆喝 妖精 爷爷 衣服 应酬 冤枉
    月饼 月亮 云彩 运气 在乎 早上 扎实 眨巴 栅栏 张罗 丈夫 帐篷 丈人 找找 招呼 招牌 这边 那边 芝麻
    知道 知识 指甲 主意 转悠 庄稼 壮实 状元 字号 自在 祖宗 走走 坐坐 嘴巴 琢磨 看看 里面 上面 前面
    后面 觉得 记得 值得 显得 懂得 舍得 晓得 长得 跑得 说得 做得 变得 使得 免得 省得 懒得 过得 玩得
    吃得 写得 看得 听得 打得 活得 走得 来得 起得 睡得 学得 唱得 干得 办得
    """.split()  # noqa: SIM905 - easier to read
)
"""Words whose last syllable has no tone, and that the dictionary gives one."""

_OWN_READINGS = {
    "还书": "huan2 shu1",
    "还钱": "huan2 qian2",
    "还债": "huan2 zhai4",
    "还贷": "huan2 dai4",
    "还给": "huan2 gei3",
    "数一数": "shu3 yi1 shu3",
    "数数": "shu3 shu4",
    "量一量": "liang2 yi1 liang2",
    "教他": "jiao1 ta1",
    "教她": "jiao1 ta1",
    "教我": "jiao1 wo3",
    "教你": "jiao1 ni3",
    "大夫": "dai4 fu5",
    "曾国藩": "zeng1 guo2 fan1",
    "孔子": "kong3 zi3",
    "孟子": "meng4 zi3",
    "老子": "lao3 zi3",
    "男子": "nan2 zi3",
    "女子": "nv3 zi3",
    "电子": "dian4 zi3",
    "原子": "yuan2 zi3",
    "量子": "liang4 zi3",
    "粒子": "li4 zi3",
    "质子": "zhi4 zi3",
    "离子": "li2 zi3",
    "弟子": "di4 zi3",
    "君子": "jun1 zi3",
}
"""Words that the dictionary reads wrongly, or does not know as words."""
_OWN_READINGS_PATTERN = re.compile("|".join(sorted(_OWN_READINGS, key=len, reverse=True)))
