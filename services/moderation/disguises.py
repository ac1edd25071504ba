"""What is written for something else: pictures for words, parts for characters, slang for words."""

from __future__ import annotations

from types import MappingProxyType

_CHINESE_PICTURES = """
➕加 🐴马 🐎马 🐶狗 🐕狗 🐷猪 🔪杀 💩屎 👀看 🧊冰 💣炸弹 💥炸 🏫学校 🚪门 🌙夜 🌈彩 ☀日 🗑垃圾
⚫黑 ⚪白 👩女人 👨男人 💳卡 🚗车 👧女 👦男 🐔鸡 🦆鸭 💀死 ☠死 🔫枪 💰钱 💵钱 📱手机 🎰老虎机
🎲骰子 🍵茶 💊药 🩸血 🏠家 🖊笔 ✏笔 🍆鸡巴 🔞成人 💉针 🧧红包 🐍蛇 🌿草 🎫券 🐱猫 🚬烟 👊打
🐒猴
"""
PICTURED_CHINESE = MappingProxyType({word[0]: word[1:] for word in _CHINESE_PICTURES.split()})
"""Pictures and the characters that they are written for."""

_ENGLISH_PICTURES = """
🔪kill ☠kill 🔫shoot 💣bomb 🏫school 🌽porn 🍆dick 🐱pussy 💩shit 🗑trash 🐀rats 🐷pig 🐍snake
💊pills 🍑ass 🔞xxx 💀dead
"""
PICTURED_ENGLISH = MappingProxyType({word[0]: word[1:] for word in _ENGLISH_PICTURES.split()})
"""Pictures and the English words that they are written for."""

_TAKEN_APART = """
贝者赌 火乍炸 扌喿操 亻尔你 女马妈 亻言信 讠言信 火包炮 纟勺约 力口加 君羊群 钅戋钱 金戋钱
马扁骗 贝戋贱 女票嫖 木仓枪 采彡彩 冫水冰 化贝货 氵主注 石欠砍 十尃博 土立垃 土及圾 犭句狗
忄生性 亻故做 礻见视 步页频 扌番播 耳卯聊 弓单弹 讠正证 亻叚假 马蚤骚 足包跑 阝人队 彳正征
丶尸户 马佥验 石马码 里灬黑 幺力幼 乂木杀 㐅木杀 歹匕死 女且姐 女昌娼 女支妓 氵去法 车仑轮
亻门们 亻也他 女也她 扌丁打 扌甬捅 氵显湿 氵兑涚 氵夜液 犭者猪 女表婊 木又权 禾斗科 讠乍诈
贝兼赚 米青精 月匈胸 月几肌 尸比屁 亻木休 目艮眼 口乞吃 口曷喝 亻昔借 代贝贷 贝代贷 钅肖销
口土吐 禾中种 禾火秋 氵莫漠 女干奸 女乃奶 亻主住 扌曼摱 讠果课 亻吏使 氵每海 氵包泡 钅同铜
扌高搞 扌舀掏
"""
TAKEN_APART = MappingProxyType({word[:-1]: word[-1] for word in _TAKEN_APART.split()})
"""Parts side by side and the character that they make up."""

_SLANG = """
u=you ur=your yr=your ya=you yo=your r=are da=the urself=yourself yoself=yourself kil=kill
keel=kill wil=will fuk=fuck fck=fuck phuck=fuck fuking=fucking fcking=fucking
phucking=fucking fukin=fucking fuckin=fucking wanna=want_to gonna=going_to shyt=shit sht=shit
peice=piece biatch=bitch bich=bitch biotch=bitch noods=nudes newds=nudes pron=porn prn=porn
vids=videos pusy=pussy pussi=pussy kasino=casino dubble=double hrs=hours cocain=cocaine
kocaine=cocaine joos=jews jewz=jews moslems=muslims muzlims=muslims moslem=muslim bom=bomb
mak=make skool=school tonite=tonight unalive=kill dye=die hoez=hoes azz=ass dik=dick cok=cock
secks=sex seggs=sex suiside=suicide sewerslide=suicide herion=heroin pype=pipe killin=killing
shootin=shooting pls=please plz=please gurl=girl gurls=girls boi=boy luv=love thx=thanks
al=all
"""
_SPELLED_BY_EAR = (pair.split("=") for pair in _SLANG.split())
SLANG = MappingProxyType({word: said.replace("_", " ") for word, said in _SPELLED_BY_EAR})
"""How words are spelled by ear; what is said there."""
