"""A blog with logins, as tutorials of Flask show it: a table of users, tokens with HS256 that live a day, a decorator."""

import os
import uuid
from datetime import datetime, timedelta, timezone
from functools import wraps

import jwt
from flask import Flask, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + os.path.abspath(os.environ["DATABASE"])
app.config["SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
db = SQLAlchemy(app)


class User(db.Model):
    id = db.Column(db.String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    username = db.Column(db.String(80), unique=True, nullable=False)
    password_hash = db.Column(db.String(256), nullable=False)


class Post(db.Model):
    id = db.Column(db.String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    owner_id = db.Column(db.String(36), db.ForeignKey("user.id"), nullable=False)
    title = db.Column(db.String(200), nullable=False)
    content = db.Column(db.Text, nullable=False)

    def to_json(self):
        return {"id": self.id, "owner_id": self.owner_id, "title": self.title, "content": self.content}


with app.app_context():
    # Two workers start at once; the second one may find the tables half made.
    try:
        db.create_all()
    except Exception:
        db.create_all()


def auth_required(handler):
    @wraps(handler)
    def checked(*args, **kwargs):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return jsonify(error="token is missing"), 401
        try:
            claims = jwt.decode(token, app.config["SECRET_KEY"], algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return jsonify(error="token is invalid"), 401
        user = db.session.get(User, claims["sub"])
        if user is None:
            return jsonify(error="token is invalid"), 401
        return handler(user, *args, **kwargs)

    return checked


@app.get("/health")
def health():
    db.session.execute(db.select(User.id).limit(1)).first()
    return jsonify(status="ok")


@app.post("/register")
def register():
    data = request.get_json()
    user = User(username=data["username"], password_hash=generate_password_hash(data["password"]))
    db.session.add(user)
    db.session.commit()
    return jsonify(id=user.id), 201


@app.post("/login")
def login():
    data = request.get_json()
    user = db.session.scalar(db.select(User).filter_by(username=data["username"]))
    if user is None or not check_password_hash(user.password_hash, data["password"]):
        return jsonify(error="wrong username or password"), 401
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    token = jwt.encode({"sub": user.id, "exp": expires}, app.config["SECRET_KEY"], algorithm="HS256")
    return jsonify(token=token)


@app.post("/posts")
@auth_required
def create(user):
    data = request.get_json()
    post = Post(owner_id=user.id, title=data["title"], content=data["content"])
    db.session.add(post)
    db.session.commit()
    return jsonify(post.to_json()), 201


@app.get("/posts/<post_id>")
@auth_required
def read(user, post_id):
    return jsonify(db.get_or_404(Post, post_id).to_json())


@app.get("/public/posts/<post_id>")
def read_public(post_id):
    return jsonify(db.get_or_404(Post, post_id).to_json())
