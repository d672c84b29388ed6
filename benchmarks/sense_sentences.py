"""Sentences of our own in which a word has one sense or another, and the tutorials' sentences to be told apart."""

from __future__ import annotations

__all__ = ["ASKED", "EXAMPLES"]

EXAMPLES: dict[str, dict[str, dict[str, list[str]]]] = {
    "zh": {
        "苹果": {
            "fruit": [
                "他每天早上吃一个苹果和一根香蕉",
                "树上的苹果熟了，又红又甜",
                "妈妈把苹果洗干净，切成小块给孩子吃",
                "苹果、梨和葡萄都是常见的水果",
                "当地农民在山坡上种植苹果和桃子",
                "这种点心用苹果、糖和面粉做成",
            ],
            "firm": [
                "苹果发布了新的手机和平板电脑",
                "她的苹果手机屏幕坏了",
                "这个软件可以在苹果手机上下载",
                "苹果和三星是智能手机市场上的对手",
                "苹果的操作系统只能安装在自己的电脑上",
                "去年苹果推出的新软件支持多种语言",
            ],
        },
        "包袱": {
            "bundle": [
                "他把衣服装进包袱，背在背上就出门了",
                "她打开包袱，拿出几件旧衣服",
                "老人提着一个蓝布包袱走在路上",
                "士兵们背着包袱翻过了山",
                "包袱里放着一双鞋和一些干粮",
                "他收拾好包袱，离开了家乡",
            ],
            "punchline": [
                "这段相声的包袱很多，观众笑个不停",
                "演员每说完一个包袱，台下就响起笑声",
                "他们的小品包袱不断，十分幽默",
                "相声讲究铺垫和包袱",
                "节目里的包袱让观众哈哈大笑",
                "他擅长设计好笑的包袱",
            ],
        },
    },
    "en": {
        "apple": {
            "fruit": [
                "She ate a ripe apple and two pears for lunch",
                "They planted an apple tree behind the house",
                "The cake is made of apple, butter and sugar",
                "He drank a glass of apple juice every morning",
                "The farmers grow apple and cherry in the valley",
                "A green apple fell from the tree",
            ],
            "firm": [
                "In 2010 Apple released a new version of its operating system",
                "The software runs on computers made by Apple and on Windows",
                "Apple sold millions of phones in the first quarter",
                "He left Microsoft and joined Apple as a software engineer",
                "The company sued Apple over several patents",
                "Apple announced the new tablet at a conference in San Francisco",
            ],
        },
        "play": {
            "theatre": [
                "The play was first performed at a theatre in London",
                "She wrote a play about the life of a poet",
                "The actor had a small role in the play",
                "His second play opened on Broadway in 1956",
                "The play has three acts and a short epilogue",
                "Critics praised the play and its director",
            ],
            "sport": [
                "The quarterback threw a long pass on the last play of the game",
                "A double play ended the inning",
                "The defense stopped the running play on third down",
                "He was injured on a play in the second quarter",
                "The shortstop made a great play on the ground ball",
                "On the next play he scored a touchdown",
            ],
        },
    },
}

# A word, a sentence and the sense that it has there. The Chinese ones are the tutorials', the English ones our own.
ASKED: dict[str, list[tuple[str, str, str]]] = {
    "zh": [
        ("苹果", "我吃了一个苹果", "fruit"),
        ("苹果", "我在用苹果手机", "firm"),
        ("包袱", "他背起包袱向远方走去", "bundle"),
        ("包袱", "经常都抖出有趣的包袱", "punchline"),
    ],
    "en": [
        ("apple", "I ate an apple", "fruit"),
        ("Apple", "I use a phone made by Apple", "firm"),
        ("play", "They went to see a play by Shakespeare", "theatre"),
        ("play", "The pitcher made a good defensive play in the ninth inning", "sport"),
    ],
}
