"""Texts with twins planted in them, for the tests of the steps that find some: questions and answers put
together of parts, and what a person does to a text without changing what it says."""

import random

ZH_TOPICS = [
    "高血压",
    "糖尿病",
    "支气管哮喘",
    "慢性胃炎",
    "缺铁性贫血",
    "痛风",
    "甲状腺功能减退",
    "骨质疏松",
    "偏头痛",
    "过敏性鼻炎",
    "房屋租赁合同",
    "劳动合同解除",
    "离婚财产分割",
    "交通事故赔偿",
    "遗嘱继承",
    "民间借贷",
    "商标侵权",
    "工伤认定",
    "网络购物退货",
    "拆迁补偿",
]
ZH_ASPECTS = [
    "有哪些常见的早期表现",
    "最需要注意的三件事是什么",
    "一般要花多长时间",
    "可以自己在家处理吗",
    "什么情况下必须找专业人员",
    "费用大概由谁承担",
    "有没有容易被忽视的风险",
    "老年人和年轻人有什么不同",
    "需要准备哪些材料",
    "常见的误区是什么",
]
ZH_SENTENCES = [
    "首先应当保留完整的书面记录，其次需要尽快联系相关机构",
    "多数患者在规律随访三个月以后，指标会逐步恢复正常",
    "如果对方拒绝配合，可以向所在地的主管部门提出申请",
    "饮食上减少盐和酒的摄入，同时保证每天半小时的运动",
    "超过规定期限才提出的请求，通常不会得到支持",
    "出现胸痛或者意识模糊时，应当立即拨打急救电话",
    "证据包括聊天记录和转账凭证，原件必须妥善保存",
    "药物的剂量由医生根据体重决定，不要自行增减",
    "双方可以先行协商，协商不成再走诉讼程序",
    "孕妇和儿童属于特殊人群，用药前必须咨询药师",
    "鉴定结论一般在六十日以内作出，复杂的可以延长",
    "睡眠不足会加重症状，因此作息需要保持规律",
]
EN_TOPICS = [
    "high blood pressure",
    "type 2 diabetes",
    "asthma",
    "iron deficiency",
    "gout",
    "migraine",
    "a residential lease",
    "a work contract",
    "a disputed will",
    "a traffic accident claim",
    "a trademark dispute",
    "an unpaid loan",
    "osteoporosis",
    "hay fever",
    "a visa refusal",
]
EN_ASPECTS = [
    "what are the first signs of trouble with {}",
    "which three points matter most with {}",
    "how long does it take to settle {}",
    "can a person deal with {} alone at home",
    "when is expert help needed for {}",
    "who usually pays for {}",
    "which risks of {} are easily overlooked",
    "which papers are needed for {}",
    "what do people get wrong about {}",
]
EN_SENTENCES = [
    "keep a complete written record from the first day, and contact the responsible office soon",
    "most patients see their values return to normal within three months, provided they follow the plan",
    "if the other side refuses to answer, a request can be filed with the local authority",
    "eat less salt and drink less alcohol, and take a walk every day",
    "a claim that is made after the deadline will usually be rejected",
    "call an ambulance at once if there is chest pain, or if the person seems confused",
    "the dose depends on body weight, so never change it on your own",
    "both sides should try to negotiate first, and go to court only after that",
    "pregnant women need special care, and a pharmacist should be asked beforehand",
    "lack of sleep makes the symptoms worse, so keep regular hours",
]
ZH_SYNONYMS = {
    "应当": "应该",
    "需要": "须要",
    "患者": "病人",
    "立即": "马上",
    "多数": "大多数",
    "一般": "通常",
    "必须": "一定要",
}
EN_SYNONYMS = {
    "usually": "generally",
    "at once": "immediately",
    "needed": "required",
    "complete": "full",
    "soon": "quickly",
    "matter": "count",
    "most patients": "the majority of patients",
    "should": "ought to",
    "settle": "resolve",
}


def texts(language: str, count: int, seed: int) -> list[tuple[str, str]]:
    """`count` (question, answer): a topic, an aspect, and four sentences of which two speak of the topic. No
    two of them have both the question and the sentences in common."""
    draw, found = random.Random(seed), {}
    while len(found) < count:
        said = draw.sample(range(len(ZH_SENTENCES if language == "zh" else EN_SENTENCES)), 4)
        if language == "zh":
            topic, aspect = draw.choice(ZH_TOPICS), draw.choice(ZH_ASPECTS)
            question, end = f"{topic}{aspect}？", "。"
            sentences = [ZH_SENTENCES[i] for i in said]
            sentences[0] = f"就{topic}来说，{sentences[0]}"
            sentences[2] = f"{sentences[2]}，对{topic}尤其如此"
        else:
            topic, aspect = draw.choice(EN_TOPICS), draw.choice(EN_ASPECTS)
            question, end = f"{aspect.format(topic)}?".capitalize(), ". "
            sentences = [EN_SENTENCES[i] for i in said]
            sentences[0] = f"with {topic}, {sentences[0]}"
            sentences[2] = f"{sentences[2]}, above all with {topic}"
        answer = "".join(f"{s[0].upper()}{s[1:]}{end}" for s in sentences).strip()
        found[topic, aspect, tuple(sorted(said))] = (question, answer)
    return list(found.values())


def one_character_edited(text: str, seed: int) -> str:
    """`text` with one character taken away, put in, or replaced, not at its ends."""
    draw = random.Random(f"{seed}{text}")
    place = draw.randrange(1, len(text) - 1)
    new = draw.choice("的了是在和" if not text.isascii() else "aeiou")
    return text[:place] + draw.choice(["", new, new + text[place]]) + text[place + 1 :]


def paraphrased(text: str, seed: int) -> str:
    """`text` in another order and with other words for some: its sentences and the halves of one of them
    change places, and half of the words of the table are replaced."""
    draw = random.Random(f"{seed}{text}")
    zh = not text.isascii()
    end, comma = ("。", "，") if zh else (". ", ", ")
    for word, other in (ZH_SYNONYMS if zh else EN_SYNONYMS).items():
        if draw.random() < 0.5:
            text = text.replace(word, other)
    if not text.endswith(end.strip()):  # a question
        return f"请问{text}" if zh else f"Please tell me, {text[0].lower()}{text[1:]}"
    sentences = text.removesuffix(end.strip()).split(end)
    draw.shuffle(sentences)
    halves = sentences[0].split(comma)
    sentences[0] = comma.join([*halves[1:], halves[0]])
    return end.join(sentences) + end.strip()
