"""The names of columns that readers know. Pure."""

# Our fields and the columns they are found under, best first. docs/import.md lists them.
ALIASES: dict[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation", "dialog", "dialogue", "dialogs", "chat", "对话"),
    "prompt": (
        "instruction", "instruct", "prompt", "question", "query", "ask", "user_input", "problem", "指令", "提示", "提示词", "问题", "提问", "问",
        "text", "input",
    ),
    "input": ("input", "输入", "question", "query", "问题", "提问"),
    "system": ("system", "system_prompt", "系统提示"),
    "history": ("history", "历史"),
    "tools": ("tools", "functions"),
    "chosen": (
        "chosen", "chosen_response", "chosen_answer", "response_chosen", "response_j", "preferred", "preferred_output", "preferred_response",
        "pos_resp", "优选", "selected", "accepted",
    ),
    "rejected": (
        "rejected", "rejected_response", "rejected_answer", "response_rejected", "response_k", "rejected_messages", "non_preferred_output", "dispreferred",
        "neg_resp", "劣选",
    ),
    "label": ("label", "kto_tag", "thumbs", "thumb", "desirable", "is_good", "标签", "赞踩"),
    "answer": ("output", "answer", "response", "completion", "reply", "target", "回答", "答案", "答", "回复", "输出", "text"),
    "answers": ("responses", "answers", "completions", "outputs", "candidates", "generations", "回答列表"),
    "ranks": ("ranks", "rank", "ranking", "rankings", "排名", "排序"),
    "scores": ("scores", "score", "ratings", "rating", "评分", "得分"),
    "strength": ("preference_strength",),
    "models": ("models", "model_names", "generation_models"),
    "source": (
        "context", "source", "passage", "document", "reference_passage", "source_text", "evidence", "chunk", "paragraph",
        "contexts", "retrieved_contexts", "passages",         "原文", "段落", "材料", "来源", "上下文",
    ),
    "source_title": ("source_title", "document_title", "doc_title", "文档标题", "来源标题"),
    "source_url": ("source_url", "document_url", "url", "链接"),
    "id": ("question_id", "prompt_id", "qid", "id", "uid", "uuid", "idx", "编号", "序号", "message_tree_id"),
    "images": (
        "images", "image", "image_path", "image_url", "videos", "video", "audios", "audio", "图片", "图像", "视频", "音频",
    ),
    "answer_id": ("answer_id", "response_id"),
    "model": ("model", "model_id", "model_name", "generator", "模型"),
    "answer1_id": ("answer1_id",),
    "answer2_id": ("answer2_id",),
    "annotator": (
        "annotator", "annotator_id", "annotator_name", "labeler", "labeller", "labeler_id", "rater", "rater_id", "worker", "worker_id", "judge", "reviewer",
        "reviewer_id", "标注人", "标注员", "标注者", "评审人",
    ),
}  # fmt: skip
KNOWN = frozenset(name for names in ALIASES.values() for name in names)
